package pool

// A State is where a worker stands in its life.
type State uint8

// The states of a worker. Ready and Busy differ in whether it has a request.
const (
	Starting State = iota // it is not ready yet
	Ready
	Busy
	Draining // it gets no further request, and ends when those it has are answered
	Exited   // it has gone, or has become a template
)

// String returns the state's name, in small letters.
func (s State) String() string {
	return [...]string{"starting", "ready", "busy", "draining", "exited"}[s]
}

// mayBecome says whether a worker may go from s to next.
func (s State) mayBecome(next State) bool {
	switch s {
	case Starting:
		return next == Ready || next == Exited
	case Ready:
		return next == Busy || next == Draining || next == Exited
	case Busy:
		return next == Ready || next == Draining || next == Exited
	case Draining:
		return next == Exited
	}
	return false
}
