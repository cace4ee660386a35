package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPredictsFollowsLatestAndStops(t *testing.T) {
	dir := published(t)
	s := started(t, dir)
	defer s.stop()
	if version, constant := s.added(); version != "1.0" || constant != 1 {
		t.Errorf("v%s added %v", version, constant)
	}
	publishAdder(t, dir, "1.1", 2)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		version, constant := s.added()
		if version == "1.1" && constant == 2 {
			break
		}
		if version != "1.0" || constant != 1 || time.Now().After(deadline) {
			t.Fatalf("v%s added %v", version, constant)
		}
	}
	if code, text := s.do(http.MethodGet, "/healthz", ""); code != http.StatusOK ||
		!strings.Contains(text, `{"model":"bandwidth_predictor","version":"1.1","swaps":1,"failures":0}`) {
		t.Errorf("%d: %s", code, text)
	}
	_, text := s.do(http.MethodGet, "/metrics", "")
	for _, line := range []string{
		`dwcp_pba_model_version 1.001`, `dwcpc_model_info{model="bandwidth_predictor",version="1.1"} 1`,
		`dwcpc_model_loads_total{model="tiny_proven",outcome="loaded"} 1`, `go_goroutines `,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("/metrics has no %s", line)
		}
	}
}

func TestSaysWhetherAWindowIsAnAnomaly(t *testing.T) {
	s := started(t, published(t))
	defer s.stop()
	for window, want := range map[string]bool{"[0.5,-2,0.4,-2.5,0.3,-3]": false, "[0.5,-2,9,-2.5,0.3,-3]": true} {
		code, found := s.predict(`{"model":"tiny_proven","window":` + window + `}`)
		if code != http.StatusOK || found.Anomaly == nil || *found.Anomaly != want || len(found.Outputs["reconstruction"]) != 6 {
			t.Errorf("%s: %d %+v", window, code, found)
		}
	}
}

func TestRefusesWithACodeThatSaysWhoHasToAct(t *testing.T) {
	s := started(t, published(t))
	defer s.stop()
	for _, c := range []struct {
		body string
		code int
		kind string
	}{
		{`{"model":"tiny_proven"`, http.StatusBadRequest, "malformed"},
		{`{"model":"tiny_proven","windw":[1]}`, http.StatusBadRequest, "malformed"},
		{`{"model":"tiny_proven","window":["1"]}`, http.StatusBadRequest, "malformed"},
		{`{"model":"tiny_proven","window":[1e99]}`, http.StatusBadRequest, "malformed"},
		{`{"model":"tiny_proven","window":[]} {}`, http.StatusBadRequest, "malformed"},
		{``, http.StatusBadRequest, "malformed"},
		{`{"model":"../tiny_proven","window":[1]}`, http.StatusNotFound, "unknown_model"},
		{`{"model":"tiny_proven","window":[1,2]}`, http.StatusUnprocessableEntity, "window_length"},
		{`{"model":"tiny_proven","window":[1,2,3,4,5,null]}`, http.StatusUnprocessableEntity, "not_answered"},
		{`{"model":"tiny_proven","window":[` + strings.Repeat("1,", 3000) + `1]}`, http.StatusRequestEntityTooLarge, "too_large"},
	} {
		code, found := s.predict(c.body)
		if code != c.code || found.Error.Kind != c.kind || found.Error.Message == "" {
			t.Errorf("%.60s: %d %+v, want %d %s", c.body, code, found.Error, c.code, c.kind)
		}
	}
	if code, _ := s.do(http.MethodGet, "/predict", ""); code != http.StatusMethodNotAllowed {
		t.Errorf("GET /predict: %d", code)
	}
}

func TestTellsNobodyOutsideWhyItFailed(t *testing.T) {
	for err, want := range map[error]failure{
		errors.New("secret"):     {http.StatusInternalServerError, "internal"},
		context.DeadlineExceeded: {http.StatusServiceUnavailable, "busy"},
	} {
		if got := failureOf(err); got != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
}

func TestReportsAVersionThatCannotBeServedAndGoesOn(t *testing.T) {
	dir := published(t)
	s := started(t, dir)
	defer s.stop()
	publishAdder(t, dir, "1.1", 2)
	broken := filepath.Join(dir, adder, "v1.2")
	if err := os.Mkdir(broken, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, adder, "next"), []byte("v1.2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, adder, "next"), filepath.Join(dir, adder, "latest")); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		code, text := s.do(http.MethodGet, "/healthz", "")
		if code != http.StatusOK || time.Now().After(deadline) {
			t.Fatalf("%d: %s", code, text)
		}
		if strings.Contains(text, `"problem":"registry: bandwidth_predictor`) {
			break
		}
	}
	s.added()
}

// Half a request is sent before the signal and the rest after it.
func TestAnswersWhatItHasBegunWhenItIsToStop(t *testing.T) {
	s := started(t, published(t))
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	body := `{"model":"bandwidth_predictor","window":[1,2,3,4]}`
	if _, err := fmt.Fprintf(connection, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:9]); err != nil {
		t.Fatal(err)
	}
	s.added() // another one: the first is being read by now
	s.terminate()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // nobody new is let in
		other, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		_ = other.Close()
		if time.Now().After(deadline) {
			t.Fatal("still listens")
		}
	}
	if _, err := connection.Write([]byte(body[9:])); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, text := textOf(t, response); code != http.StatusOK || !strings.Contains(text, `"y":[2,3,4,5]`) {
		t.Errorf("%d: %s", code, text)
	}
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}

func TestCutsOffWhatDoesNotEnd(t *testing.T) {
	s := started(t, published(t), func(c *config) { c.drainTimeout = 20 * time.Millisecond })
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := connection.Write([]byte("POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	s.added()
	s.terminate()
	if err := <-s.ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestPredictsForManyAtOnceWhileVersionsChange(t *testing.T) {
	dir := published(t)
	s := started(t, dir)
	defer s.stop()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				code, found := s.predict(`{"model":"bandwidth_predictor","window":[0,0,0,0]}`)
				if want := map[string]float32{"1.0": 1, "1.1": 2, "1.2": 3}[found.Version]; code != http.StatusOK || *found.Outputs["y"][0] != want {
					t.Errorf("%d: %+v", code, found)
				}
			}
		})
	}
	publishAdder(t, dir, "1.1", 2)
	publishAdder(t, dir, "1.2", 3)
	group.Wait()
}

func TestRefusesToStartWithoutAModelOrWhereItCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	dir := published(t)
	for name, c := range map[string]config{
		"an empty registry":      {registry: t.TempDir(), listen: "127.0.0.1:0", interval: time.Second},
		"no registry":            {registry: filepath.Join(dir, "none"), listen: "127.0.0.1:0", interval: time.Second},
		"a model that is absent": {registry: dir, models: []string{"none"}, listen: "127.0.0.1:0", interval: time.Second},
		"an address in use":      {registry: dir, listen: taken.Addr().String(), interval: time.Second},
		"no library":             {registry: dir, listen: "127.0.0.1:0", library: filepath.Join(dir, "none.so"), interval: time.Second},
	} {
		if err := run(t.Context(), c, slog.New(slog.DiscardHandler), func(string) { t.Errorf("%s: listens", name) }); err == nil {
			t.Errorf("%s: ended without an error", name)
		}
	}
}
