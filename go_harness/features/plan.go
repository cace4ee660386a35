package features

import "slices"

// Plan is a specification made ready to compute: the kernels in their order, and how long a history each source needs. Any
// number of goroutines may use it. It comes from Compile.
type Plan struct {
	spec       *Spec
	categories []category
	kernels    []kernel
	depths     []int // the length of each ring
	slots      int   // values at a sample: the raw columns, then the features, then the steps without an output
	features   int
}

// Spec returns what was compiled. It is shared: do not change it.
func (p *Plan) Spec() *Spec { return p.spec }

// Compile makes spec, as Parse or Read return it, ready to compute.
func Compile(spec *Spec) *Plan {
	c := compiler{
		plan:   &Plan{spec: spec, slots: len(spec.Columns), features: len(spec.Features())},
		slots:  map[string]int{},
		depths: map[int]int{},
		shared: map[span]*rolling{},
	}
	for i, column := range spec.Columns {
		c.slots[column.Name] = i
		if column.IsCategory() {
			c.plan.categories = append(c.plan.categories, category{i, len(column.Categories), column.Unknown == Missing})
		}
	}
	c.steps()
	c.remember()
	return c.plan
}

// kernel computes one step, or what several steps share, at the present sample.
type kernel interface {
	run(m *memory)
}

// span is a source and the number of its last samples that are looked at.
type span struct{ slot, samples int }

type compiler struct {
	plan   *Plan
	slots  map[string]int    // where the name's value is, for the steps that come next
	depths map[int]int       // by slot: how many samples some step looks at
	shared map[span]*rolling // statistics of one source and window
	made   []planned
}

// planned is a kernel and the slot that it fills last, which a history may have to be kept of.
type planned struct {
	kernel kernel
	slot   int
}

func (c *compiler) steps() {
	feature, hidden := c.plan.slots, c.plan.slots+c.plan.features
	for _, step := range c.plan.spec.Steps {
		to := feature
		if step.Output {
			feature++
		} else {
			to = hidden
			hidden++
		}
		if kernel := c.kernel(step, newTarget(step, to)); kernel != nil {
			c.made = append(c.made, planned{kernel, to})
		}
		c.slots[step.Name] = to
	}
	c.plan.slots = hidden
}

// remember puts behind each value that is looked back at a kernel that keeps it: the columns' first, the others in their turn.
func (c *compiler) remember() {
	rings := map[int]int{}
	keep := func(slot int) {
		if depth, ok := c.depths[slot]; ok {
			rings[slot] = len(c.plan.depths)
			c.plan.kernels = append(c.plan.kernels, &push{slot, rings[slot]})
			c.plan.depths = append(c.plan.depths, depth)
		}
	}
	for slot := range c.plan.spec.Columns {
		keep(slot)
	}
	for _, made := range c.made {
		if reader, ok := made.kernel.(interface{ readFrom(map[int]int) }); ok {
			reader.readFrom(rings)
		}
		c.plan.kernels = append(c.plan.kernels, made.kernel)
		keep(made.slot)
	}
}

// looksBack says that a step reads the last samples of a slot.
func (c *compiler) looksBack(slot, samples int) history {
	c.depths[slot] = max(c.depths[slot], samples)
	return history{slot: slot}
}

// rolling adds a statistic to those of the same source and window; the kernel is returned where it is new.
func (c *compiler) rolling(step Step, to target) kernel {
	over := span{c.slots[step.Of[0]], step.Window}
	k, ok := c.shared[over]
	if !ok {
		k = &rolling{history: c.looksBack(over.slot, over.samples), window: step.Window}
		c.shared[over] = k
	}
	k.add(step, to)
	if ok {
		return nil
	}
	return k
}

func (c *compiler) all(names []string) []int {
	slots := make([]int, len(names))
	for i, name := range names {
		slots[i] = c.slots[name]
	}
	return slots
}

// kernel returns what computes a step, nil where another's kernel does.
func (c *compiler) kernel(step Step, to target) kernel {
	switch step.Op {
	case "rolling_mean", "rolling_std", "rolling_min", "rolling_max":
		return c.rolling(step, to)
	case "sum":
		return &sum{to, c.all(step.Of)}
	case "product":
		return &product{to, c.all(step.Of)}
	case "weighted_sum":
		return newWeightedSum(step.Terms, c.all(step.Sources()), to)
	case "ratio":
		return &ratio{to, c.slots[step.Of[0]], c.slots[step.By], step.Epsilon}
	}
	of := c.slots[step.Of[0]]
	switch step.Op {
	case "difference":
		return &difference{to, c.looksBack(of, 1+step.Order), step.Order}
	case "lag":
		return &lag{to, c.looksBack(of, 1+step.Samples), step.Samples}
	case "indicator":
		return newIndicator(step, of, to)
	case "one_hot":
		return &oneHot{to, of, float64(slices.Index(c.plan.spec.Columns[of].Categories, step.Category))}
	case "sin", "cos":
		return &periodic{to, of, step.Period, quarters[step.Op]}
	case "clip":
		return newClip(step, of, to)
	case "log1p":
		return &log1p{to, of}
	}
	return &copied{to, of} // copy and label: the place is what a category column holds
}
