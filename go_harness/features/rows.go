package features

// rows keeps the last rows of float32 twice, a length apart, so that all of them are contiguous.
type rows struct {
	data   []float32
	width  int
	count  int
	next   int // the row that the next one replaces
	filled int // rows since the beginning, count at most
}

func newRows(count, width int) rows {
	r := rows{data: make([]float32, 2*count*width), width: width, count: count}
	r.clear()
	return r
}

// clear makes every row NaN.
func (r *rows) clear() {
	for i := range r.data {
		r.data[i] = float32(nan)
	}
	r.next, r.filled = 0, 0
}

func (r *rows) push(row []float64) {
	at := r.next * r.width
	rounded(r.data[at:at+r.width], row)
	copy(r.data[at+r.count*r.width:], r.data[at:at+r.width])
	if r.next++; r.next == r.count {
		r.next = 0
	}
	r.filled = min(r.filled+1, r.count)
}

// all returns the rows, oldest first.
func (r *rows) all() []float32 {
	return r.data[r.next*r.width : (r.next+r.count)*r.width]
}
