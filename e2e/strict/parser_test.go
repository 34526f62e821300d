package strict_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pasted/e2e/harness"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestServerReadsAsItsParserDoes sends every case of the parser's own tests to
// the server, in every manner: between the socket and the application nothing
// is lost, doubled, or taken for something else.
func TestServerReadsAsItsParserDoes(t *testing.T) {
	inputs := parserCases(t)
	for _, file := range []string{short, long} {
		t.Run(file, func(t *testing.T) {
			server := start(t, file)
			for i, input := range inputs {
				agree(t, server, input, manners(uint64(i)))
			}
			t.Logf("%d streams", len(inputs))
		})
	}
}

// TestServerReadsMutantsAsItsParserDoes does the same with cases that have been
// changed at random, cut, and put one after the other, of several clients at a
// time: what one has sent is nothing to the others.
func TestServerReadsMutantsAsItsParserDoes(t *testing.T) {
	const clients = 8
	count := mutants(t)
	inputs := parserCases(t)
	for i, file := range []string{short, long} {
		t.Run(file, func(t *testing.T) {
			server := start(t, file)
			for client := range clients {
				t.Run("client "+strconv.Itoa(client), func(t *testing.T) {
					t.Parallel()
					for seed := client; seed < count; seed += clients {
						random := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
						all := manners(uint64(seed))
						agree(t, server, mutant(random, inputs), all[random.IntN(len(all)):][:1])
					}
				})
			}
		})
	}
}

// mutantsVariable names the environment variable that says how many mutants
// there are for each way.
const mutantsVariable = "PASTED_STRICT_MUTANTS"

func mutants(t *testing.T) int {
	t.Helper()
	given := os.Getenv(mutantsVariable)
	if given == "" {
		return 2000
	}
	count, err := strconv.Atoi(given)
	if err != nil {
		t.Fatalf("%s: %v", mutantsVariable, err)
	}
	return count
}

// agree sends input in each of the manners and compares.
func agree(t *testing.T, server *harness.Server, input []byte, manners []manner) {
	t.Helper()
	want := modelOf(input)
	if want.http2 {
		return // another protocol's to answer
	}
	for _, m := range manners {
		got := converse(t, server.Addr, input, m)
		if difference := want.differs(got); difference != "" {
			t.Errorf("sent %s: %s\n%s", m.name, difference, clip(string(input)))
		}
	}
}

// mutant makes a stream of one to three cases, of which some bytes are others.
func mutant(random *rand.Rand, inputs [][]byte) []byte {
	var out []byte
	for range 1 + random.IntN(3) {
		out = append(out, inputs[random.IntN(len(inputs))]...)
	}
	const spice = "\r\n\r\n \t:;,0\x00\x7f\xff%/?#aHTGc1"
	for range random.IntN(4) {
		at := random.IntN(len(out) + 1)
		switch random.IntN(4) {
		case 0: // insert
			out = append(out[:at:at], append([]byte{spice[random.IntN(len(spice))]}, out[at:]...)...)
		case 1: // delete
			end := min(len(out), at+1+random.IntN(3))
			out = append(out[:at:at], out[end:]...)
		case 2: // replace
			if at < len(out) {
				out = append([]byte(nil), out...)
				out[at] = spice[random.IntN(len(spice))]
			}
		case 3: // repeat
			end := min(len(out), at+random.IntN(40))
			out = append(out[:end:end], out[at:]...)
		}
	}
	return out
}

// parserCases returns what clients send in the cases of internal/h1, which are
// written as its tests say. Limits are the server's, not the cases'.
func parserCases(t *testing.T) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "internal", "h1", "testdata", "cases", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var inputs [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range txtar.Parse(text).Files {
			if part.Name != "want" {
				inputs = append(inputs, unescape(t, file, part.Data))
			}
		}
	}
	return inputs
}

// unescape reads a case: line ends mean nothing, and \r, \n, \t, \\ and \xNN
// are as in Go.
func unescape(t *testing.T, file string, text []byte) []byte {
	t.Helper()
	text = bytes.ReplaceAll(text, []byte("\n"), nil)
	text = bytes.ReplaceAll(text, []byte(`"`), []byte(`\"`))
	// strconv reads UTF-8, cases are bytes.
	var ascii []byte
	for _, c := range text {
		if c < 0x80 {
			ascii = append(ascii, c)
			continue
		}
		ascii = append(ascii, `\x`+strconv.FormatUint(uint64(c), 16)...)
	}
	data, err := strconv.Unquote(`"` + string(ascii) + `"`)
	if err != nil {
		t.Fatalf("%s: %q: %v", file, text, err)
	}
	return []byte(data)
}
