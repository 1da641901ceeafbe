//go:build cgo

package mqproducer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// piece is a piece of Go in one of the pages.
type piece struct {
	// place is where it stands, for a person.
	place string
	// harness is the file of testdata/pages that it stands in, or "whole" for a program.
	harness string
	code    string
}

var mark = regexp.MustCompile(`^<!-- go: (\w+) -->$`)

func piecesOf(page, content string) (pieces []piece) {
	var inside, taken bool
	var before string
	for number, line := range strings.Split(content, "\n") {
		switch fence, isFence := strings.CutPrefix(line, "```"); {
		case isFence && inside:
			inside, taken = false, false
		case isFence:
			inside, taken = true, fence == "go"
			if taken {
				p := piece{place: fmt.Sprintf("%s:%d", page, number+1)}
				if match := mark.FindStringSubmatch(before); match != nil {
					p.harness = match[1]
				}
				pieces = append(pieces, p)
			}
		case taken:
			pieces[len(pieces)-1].code += line + "\n"
		}
		before = line
	}
	return pieces
}

// try compiles and runs a piece; what went wrong, or nil.
func (p piece) try(folder string) error {
	source := p.code
	if p.harness != "whole" {
		harness, err := os.ReadFile(filepath.Join("testdata", "pages", p.harness+".go"))
		if err != nil {
			return fmt.Errorf("no line <!-- go: HARNESS --> before it that names one: %w", err)
		}
		started, err := os.ReadFile(filepath.Join("testdata", "pages", "started.go"))
		if err != nil {
			return err
		}
		source = strings.Replace(string(harness), "// BLOCK\n", p.code, 1)
		if err := os.WriteFile(filepath.Join(folder, "started.go"), started, 0o600); err != nil {
			return err
		}
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	module := fmt.Sprintf("module page\n\ngo 1.21\n\nrequire mqproducer v0.0.0\n\nreplace mqproducer => %q\n", here)
	for name, content := range map[string]string{"piece.go": source, "go.mod": module} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	build := exec.Command("go", "build", "-o", "program", ".")
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if out, err := exec.Command(filepath.Join(folder, "program")).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func TestThePagesPiecesRun(t *testing.T) {
	root := filepath.Join("..", "..")
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/guides/*.md", "bindings/go/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	used := map[string]bool{"started": true}
	var all sync.WaitGroup
	// As many at the same time as keep a small machine busy.
	turns := make(chan struct{}, 2)
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range piecesOf(page, string(content)) {
			p := p
			used[p.harness] = true
			folder := t.TempDir()
			all.Add(1)
			go func() {
				defer all.Done()
				turns <- struct{}{}
				defer func() { <-turns }()
				if err := p.try(folder); err != nil {
					t.Errorf("%s: %v", p.place, err)
				}
			}()
		}
	}
	all.Wait()
	harnesses, err := filepath.Glob("testdata/pages/*.go")
	if err != nil || len(harnesses) < 10 {
		t.Fatalf("%d harnesses, %v", len(harnesses), err)
	}
	for _, harness := range harnesses {
		if name := strings.TrimSuffix(filepath.Base(harness), ".go"); !used[name] {
			t.Errorf("no page has a piece for %s", harness)
		}
	}
}

// The test above can fail: on code that does not compile, that fails, and that has no harness.
func TestBrokenPiecesAreFound(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "go.md"))
	if err != nil {
		t.Fatal(err)
	}
	for change, words := range map[[2]string]string{
		{"<!-- go: errors -->", "<!-- errors -->"}:    "HARNESS",
		{"errors.Is(err, mqproducer.", "errors.Ist("}: "errors.Ist",
		{`"no such topic!"`, `"Fine"`}:                "<nil>",
	} {
		changed := strings.Replace(string(page), change[0], change[1], 1)
		for _, p := range piecesOf("page", changed) {
			if !strings.Contains(p.code, "case err == nil:") {
				continue
			}
			if err := p.try(t.TempDir()); err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%q: %v", change, err)
			}
		}
	}
}
