package release

import "testing"

func TestHostThatStopsBeforeItServesIsAlive(t *testing.T) {
	h := &Host{status: Status{State: Draining}}
	if !h.Alive(t.Context()) {
		t.Error("it is said to hang")
	}
}
