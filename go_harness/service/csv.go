package service

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// TimeColumn is the first column of WriteCSV.
const TimeColumn = "time"

// WriteCSV writes all samples for training, the oldest first: a header of TimeColumn and the channels' names, and a line for
// each sample, its time as RFC 3339 in UTC. A value that is missing is an empty cell, which pandas reads as NaN. Numbers are the
// shortest that are read as the same float32.
func (c *Collector) WriteCSV(w io.Writer) error {
	return c.write(w, true)
}

// WriteCalibration writes the samples that have no value missing as `dwcpc compile --calibration` takes them: a header of the
// channels' names and no time.
func (c *Collector) WriteCalibration(w io.Writer) error {
	return c.write(w, false)
}

func (c *Collector) write(w io.Writer, timed bool) error {
	times, values := c.snapshot()
	out := csv.NewWriter(w)
	cells := slices.Clone(c.channels)
	if timed {
		cells = append([]string{TimeColumn}, cells...)
	}
	err := out.Write(cells)
	for i := 0; err == nil && i < len(times); i++ {
		row := values[i*len(c.channels) : (i+1)*len(c.channels)]
		cells = cells[:0]
		if timed {
			cells = append(cells, times[i].UTC().Format(time.RFC3339Nano))
		} else if slices.ContainsFunc(row, missing) {
			continue
		}
		for _, value := range row {
			cells = append(cells, cell(value))
		}
		err = out.Write(cells)
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err != nil {
		return fmt.Errorf("service: samples cannot be written: %w", err)
	}
	return nil
}

func missing(value float32) bool {
	return math.IsNaN(float64(value)) || math.IsInf(float64(value), 0)
}

func cell(value float32) string {
	if missing(value) {
		return ""
	}
	return strconv.FormatFloat(float64(value), 'g', -1, 32)
}
