// Command tlog-check verifies the audit log of a zone as a transparency tool would that knows nothing
// of Caracal: with golang.org/x/mod/sumdb/tlog and note, and the public key alone.
//
//	tlog-check -prefix URL -key VKEY [-token TOKEN] [-old SIZE,ROOT]
//	tlog-check -vectors
//
// It opens the checkpoint, reads tiles (which tlog checks against the root), proves every entry
// included and, with -old, that the log continues an earlier one. It prints one line of JSON.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

type checked struct {
	Origin     string `json:"origin"`
	Size       int64  `json:"size"`
	Root       string `json:"root"`
	Entries    int64  `json:"entries"`
	Consistent bool   `json:"consistent"`
}

func main() {
	prefix := flag.String("prefix", "", "where the log is served, without a slash at the end")
	key := flag.String("key", "", "public key of the log (vkey)")
	token := flag.String("token", "", "credential that may read entries; without one, hashes alone are checked")
	old := flag.String("old", "", "an earlier size and root, as SIZE,BASE64")
	vectors := flag.Bool("vectors", false, "print vectors for others to test with")
	flag.Parse()
	var out any
	var err error
	if *vectors {
		out, err = makeVectors()
	} else {
		out, err = check(&server{*prefix, *token, map[tlog.Tile][]byte{}}, *key, *old)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tlog-check:", err)
		os.Exit(1)
	}
	encoder := json.NewEncoder(os.Stdout)
	if *vectors {
		encoder.SetIndent("", " ")
	}
	if err := encoder.Encode(out); err != nil {
		os.Exit(1)
	}
}

func check(log *server, key, old string) (*checked, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, err
	}
	signed, err := log.get("checkpoint")
	if err != nil {
		return nil, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return nil, err
	}
	origin, tree, err := parseCheckpoint(opened.Text)
	if err != nil {
		return nil, err
	}
	if origin != verifier.Name() {
		return nil, fmt.Errorf("the origin is %q and the key is of %q", origin, verifier.Name())
	}
	reader := tlog.TileHashReader(tree, log)
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return nil, err
	}
	if root != tree.Hash {
		return nil, fmt.Errorf("the tiles do not have the root of the checkpoint")
	}
	result := &checked{Origin: origin, Size: tree.N, Root: tree.Hash.String()}
	if old != "" {
		if err := checkContinues(old, tree, reader); err != nil {
			return nil, err
		}
		result.Consistent = true
	}
	if log.token != "" {
		result.Entries, err = checkEntries(log, tree, reader)
	}
	return result, err
}

// parseCheckpoint reads the three lines of C2SP tlog-checkpoint.
func parseCheckpoint(text string) (string, tlog.Tree, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return "", tlog.Tree{}, fmt.Errorf("the checkpoint has less than three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return "", tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return lines[0], tlog.Tree{N: size, Hash: hash}, err
}

func checkContinues(old string, tree tlog.Tree, reader tlog.HashReader) error {
	text, encoded, found := strings.Cut(old, ",")
	size, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil {
		return fmt.Errorf("-old takes SIZE,BASE64")
	}
	hash, err := tlog.ParseHash(encoded)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, size, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, size, hash)
}

func checkEntries(log *server, tree tlog.Tree, reader tlog.HashReader) (int64, error) {
	for at := int64(0); at < tree.N; {
		width := min(tree.N-at, 1<<tileHeight)
		tile := tlog.Tile{H: tileHeight, L: 0, N: at >> tileHeight, W: int(width)}
		bundle, err := log.get("tile/entries/" + strings.TrimPrefix(pathOf(tile), "tile/0/"))
		if err != nil {
			return at, err
		}
		for ; len(bundle) > 0; at++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return at, fmt.Errorf("a bundle ends in the middle of entry %d", at)
			}
			entry := bundle[2 : 2+int(binary.BigEndian.Uint16(bundle))]
			bundle = bundle[2+len(entry):]
			proof, err := tlog.ProveRecord(tree.N, at, reader)
			if err != nil {
				return at, err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, tlog.RecordHash(entry)); err != nil {
				return at, fmt.Errorf("entry %d: %w", at, err)
			}
		}
	}
	return tree.N, nil
}

// server is a tlog.TileReader over HTTP, which keeps what tlog has checked.
type server struct {
	prefix, token string
	kept          map[tlog.Tile][]byte
}

func (s *server) Height() int { return tileHeight }

func (s *server) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		s.kept[tile] = data[i]
	}
}

func (s *server) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := s.kept[tile], error(nil)
		if data == nil {
			data, err = s.get(pathOf(tile))
		}
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// pathOf is the path of C2SP tlog-tiles, which has no height in it.
func pathOf(tile tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tile.H))
}

func (s *server) get(path string) ([]byte, error) {
	request, err := http.NewRequest("GET", s.prefix+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != 200 {
		err = fmt.Errorf("%s: %s", path, response.Status)
	}
	return body, err
}

type inclusion struct {
	Size  int64    `json:"size"`
	Index int64    `json:"index"`
	Proof []string `json:"proof"`
}

type consistency struct {
	Size  int64    `json:"size"`
	Old   int64    `json:"old"`
	Proof []string `json:"proof"`
}

type vectorSet struct {
	Leaf        string           `json:"leaf"`
	Roots       map[int64]string `json:"roots"`
	Inclusion   []inclusion      `json:"inclusion"`
	Consistency []consistency    `json:"consistency"`
	VerifierKey string           `json:"verifier_key"`
	Note        string           `json:"note"`
}

var vectorSizes = []int64{1, 2, 3, 7, 8, 255, 256, 257, 700, 65536, 66000}

// makeVectors says what tlog and note make of the leaves "event 0", "event 1", and so on.
func makeVectors() (*vectorSet, error) {
	set := &vectorSet{Leaf: "event {index}", Roots: map[int64]string{}}
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, hashes[index])
		}
		return found, nil
	})
	var grown int64
	for _, size := range vectorSizes {
		for ; grown < size; grown++ {
			stored, err := tlog.StoredHashes(grown, []byte(fmt.Sprintf("event %d", grown)), reader)
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, stored...)
		}
		root, err := tlog.TreeHash(size, reader)
		if err != nil {
			return nil, err
		}
		set.Roots[size] = root.String()
		for _, index := range []int64{0, size / 3, size - 1} {
			proof, err := tlog.ProveRecord(size, index, reader)
			if err != nil {
				return nil, err
			}
			set.Inclusion = append(set.Inclusion, inclusion{size, index, encode(proof)})
		}
		for _, old := range vectorSizes {
			if old >= size {
				break
			}
			proof, err := tlog.ProveTree(size, old, reader)
			if err != nil {
				return nil, err
			}
			set.Consistency = append(set.Consistency, consistency{size, old, encode(proof)})
		}
	}
	return set, set.sign()
}

func (set *vectorSet) sign() error {
	private, public, err := note.GenerateKey(rand.Reader, "caracal.example/audit/zones/zone_vectors")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	last := vectorSizes[len(vectorSizes)-1]
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), last, set.Roots[last])
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	set.VerifierKey, set.Note = public, string(signed)
	return err
}

func encode[T ~[]tlog.Hash](proof T) []string {
	all := []string{}
	for _, hash := range proof {
		all = append(all, base64.StdEncoding.EncodeToString(hash[:]))
	}
	return all
}
