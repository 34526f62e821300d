package worker

import "time"

// SetTimeout is for the answers that p is asked for from now on, and not for its
// start, as that of StartProbe is.
func (p *Probe) SetTimeout(timeout time.Duration) { p.timeout = timeout }
