package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// writeMembers writes what a proc file system says of processes: the programs
// that they run, and their titles.
func writeMembers(t *testing.T, members map[int][2]string) (proc string) {
	t.Helper()
	proc = t.TempDir()
	for pid, m := range members {
		dir := filepath.Join(proc, strconv.Itoa(pid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(m[0], filepath.Join(dir, "exe")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cmdline"), []byte(m[1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return proc
}

func TestEachPeerIsDividedIntoServerAndWorkers(t *testing.T) {
	const python, uwsgi = "/usr/bin/python3", "/bin/uwsgi"
	pasted := map[int][2]string{
		10: {"/bin/pasted", "pasted\x00serve\x00"},
		11: {"/bin/pasted", "pasted\x00serve\x00"},
		12: {python, "pasted_worker template"},
		13: {python, "pasted_worker 1"},
	}
	forks := map[int][2]string{10: {python, "python\x00gunicorn\x00"}, 11: {python, "python\x00gunicorn\x00"}, 12: {python, "python\x00gunicorn\x00"}}
	tests := []struct {
		peer    string
		members map[int][2]string
		own     []int
		workers []int
		serving []int
	}{
		{ours, pasted, []int{10, 11}, []int{12, 13}, []int{10, 11}},
		{ours + ", native", pasted, []int{10, 11}, []int{12, 13}, []int{10, 11}},
		{"gunicorn gthread", forks, []int{10}, []int{11, 12}, []int{10}},
		{"nginx, gunicorn gthread", forks, []int{10}, []int{11, 12}, []int{10}},
		{"uWSGI http", map[int][2]string{10: {uwsgi, "uWSGI master"}, 11: {uwsgi, "uWSGI worker 1"}, 12: {uwsgi, "uWSGI http 1"}}, []int{10, 12}, []int{11}, []int{10, 12}},
		{"waitress", map[int][2]string{10: {python, "python\x00waitress-serve"}}, nil, []int{10}, []int{10}},
		{"nginx", map[int][2]string{10: {"/bin/nginx", "nginx: master process"}, 11: {"/bin/nginx", "nginx: worker process"}}, []int{10, 11}, nil, []int{10, 11}},
	}
	for _, test := range tests {
		t.Run(test.peer, func(t *testing.T) {
			proc := writeMembers(t, test.members)
			by := peerNamed(t, test.peer).division
			pids := []int{10, 11, 12, 13}[:len(test.members)]
			own, workers := by.divide(proc, pids)
			if diff := cmp.Diff([][]int{test.own, test.workers}, [][]int{own, workers}); diff != "" {
				t.Errorf("server and workers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.serving, by.serving(proc, pids)); diff != "" {
				t.Errorf("whose memory is the server's (-want +got):\n%s", diff)
			}
			if own, workers := by.divide(proc, nil); own != nil || workers != nil || len(by.serving(proc, nil)) > 0 {
				t.Errorf("of no processes: %v and %v", own, workers)
			}
		})
	}
}

func peerNamed(t *testing.T, name string) peer {
	t.Helper()
	for _, p := range peers() {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("no peer %q", name)
	return peer{}
}

func TestProcessThatHasGoneRunsNoProgram(t *testing.T) {
	own, workers := program.divide(t.TempDir(), []int{10, 11})
	if diff := cmp.Diff([][]int{{10}, {11}}, [][]int{own, workers}); diff != "" {
		t.Errorf("server and workers (-want +got):\n%s", diff)
	}
}
