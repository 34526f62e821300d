package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stat is a line as the kernel writes it; times are in ticks.
func stat(pid int, name string, parent, flags, user, system, childUser, childSystem int) string {
	return fmt.Sprintf("%d (%s) S %d 7 7 0 -1 %d 100 0 0 0 %d %d %d %d 20 0 1 0 5 1000 10 18446744073709551615\n",
		pid, name, parent, flags, user, system, childUser, childSystem)
}

func TestStatIsReadWhateverTheNameHolds(t *testing.T) {
	for _, name := range []string{"python", "a b", ":-) (", "))", ""} {
		got, err := parseStat([]byte(stat(17, name, 3, 0x400000, 11, 22, 33, 44)))
		want := process{pid: 17, parent: 3, used: times{User: 44 * tick, System: 66 * tick}}
		if err != nil || got != want {
			t.Errorf("parseStat of %q = %+v, %v; want %+v", name, got, err, want)
		}
	}
	if got, err := parseStat([]byte(stat(2, "kthreadd", 0, 0x208040, 0, 0, 0, 0))); err != nil || !got.kernel {
		t.Errorf("a thread of the kernel is read as %+v, %v", got, err)
	}
}

func TestStatThatIsNotOneIsAnError(t *testing.T) {
	for _, text := range []string{"", "17", "17 (a", "x (a) S 1", "17 (a) S 1 2 3", "17 (a) S x 7 7 0 -1 0 100 0 0 0 1 1 1 1"} {
		if got, err := parseStat([]byte(text)); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", text, got)
		}
	}
}

// writeProc makes a proc file system of stat lines.
func writeProc(t *testing.T, processes map[int]string) string {
	t.Helper()
	root := t.TempDir()
	for pid, line := range processes {
		dir := filepath.Join(root, strconv.Itoa(pid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(line), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTimeIsDividedAmongTreesAndOthers(t *testing.T) {
	table := readTable(writeProc(t, map[int]string{
		1:   stat(1, "init", 0, 0, 5, 0, 0, 0),
		2:   stat(2, "kthreadd", 0, 0x200000, 900, 0, 0, 0),
		100: stat(100, "bench", 1, 0, 50, 0, 0, 0),
		200: stat(200, "server", 100, 0, 10, 1, 0, 0),
		201: stat(201, "worker", 200, 0, 20, 2, 0, 0),
		202: stat(202, "its child", 201, 0, 30, 3, 0, 0),
		300: stat(300, "editor", 1, 0, 7, 0, 0, 0),
	}))
	if diff := cmp.Diff([]int{200, 201, 202}, table.below(200)); diff != "" {
		t.Errorf("below the server (-want +got):\n%s", diff)
	}
	if got := table.below(999); got != nil {
		t.Errorf("below nobody: %v", got)
	}
	if got, want := table.used(table.below(200)), (times{60 * tick, 6 * tick}); got != want {
		t.Errorf("the tree has used %v, want %v", got, want)
	}
	if got, want := table.others(100), (times{User: 12 * tick}); got != want {
		t.Errorf("others have used %v, want %v", got, want)
	}
}

func TestTimeOfATreeIsNotLostWhenAChildEnds(t *testing.T) {
	before := readTable(writeProc(t, map[int]string{
		200: stat(200, "server", 1, 0, 10, 0, 0, 0),
		201: stat(201, "worker", 200, 0, 20, 0, 5, 0),
	}))
	after := readTable(writeProc(t, map[int]string{
		200: stat(200, "server", 1, 0, 11, 0, 28, 0),
	}))
	got := after.used(after.below(200)).minus(before.used(before.below(200)))
	if want := (times{User: 4 * tick}); got != want {
		t.Errorf("used meanwhile: %v, want %v", got, want)
	}
}

func TestForeignTimeIsAShareOfAllProcessors(t *testing.T) {
	var earlier account
	later := account{
		at:     earlier.at.Add(10 * time.Second),
		others: time.Duration(runtime.NumCPU()) * 2 * time.Second,
		stolen: time.Duration(runtime.NumCPU()) * time.Second,
	}
	if got := later.foreignSince(earlier); got != 0.3 {
		t.Errorf("foreign share %v, want 0.3", got)
	}
	if got := earlier.foreignSince(earlier); got != 0 {
		t.Errorf("foreign share of no time %v, want 0", got)
	}
}

func TestStolenTimeIsTheEighthFigure(t *testing.T) {
	if got := parseStolen([]byte("cpu  1 2 3 4 5 6 7 89 0 0\ncpu0 1 2 3 4 5 6 7 8\n")); got != 89*tick {
		t.Errorf("parseStolen() = %v, want %v", got, 89*tick)
	}
	if got := parseStolen([]byte("nothing\n")); got != 0 {
		t.Errorf("parseStolen of nothing = %v", got)
	}
}

func TestMemoryIsReadFromTheRollup(t *testing.T) {
	rollup := "55d0-7ffc ---p 0 00:00 0    [rollup]\nRss:   20480 kB\nPss:   10240 kB\nPss_Anon: 4 kB\n"
	if got, want := parseSmaps([]byte(rollup)), int64(10<<20); got != want {
		t.Errorf("parseSmaps() = %d, want %d", got, want)
	}
	if got := memoryOf([]int{os.Getpid()}); got < 1<<20 {
		t.Errorf("this process takes %d bytes", got)
	}
}
