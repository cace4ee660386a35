# Torch and its CUDA libraries go to torch.lock, everything else to packages.lock.
/^[a-z0-9]/ { file = "requirements/" ($1 ~ /^(torch|triton|cuda-|nvidia-)/ ? "torch" : "packages") ".lock" }
{ print > file }
