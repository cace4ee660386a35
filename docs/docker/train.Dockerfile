# An image that trains, compiles, gates and publishes: the locked packages, a user without privileges. With `--gpus all` it
# trains on a GPU: the locked torch has its libraries.
#
#     docker build -f docs/docker/train.Dockerfile -t dwcpc-train .
#     docker run --rm -v "$PWD/registry:/srv/dwcpc/registry" -v "$PWD/collected:/srv/dwcpc/collected:ro" dwcpc-train \
#         retrain consensus --registry registry --data collected/consensus --incidents collected/consensus.incidents.csv
#
# /srv/dwcpc/registry and what is mounted elsewhere below /srv/dwcpc has to be writable for user 10001.

FROM golang:1.25.3-bookworm AS harness
WORKDIR /src/go_harness
COPY go_harness/go.mod go_harness/go.sum ./
RUN go mod download
COPY go_harness ./
RUN go build -trimpath -o /dwcpc-harness ./cmd/dwcpc-harness

FROM python:3.12.12-slim-bookworm
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements requirements
RUN python -m pip install --require-hashes --no-deps -r requirements/torch.lock -r requirements/packages.lock
COPY pyproject.toml README.md LICENSE ./
COPY compiler compiler
COPY parity parity
COPY bench bench
COPY models models
COPY --from=harness /dwcpc-harness compiler/bin/dwcpc-harness
RUN python -m pip install --no-deps --no-build-isolation . \
    && useradd --uid 10001 --create-home trainer \
    && install -d -o trainer -g trainer /srv/dwcpc
USER 10001
WORKDIR /srv/dwcpc
ENTRYPOINT ["dwcpc"]
CMD ["--help"]
