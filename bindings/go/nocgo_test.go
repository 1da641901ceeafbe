package mqproducer

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Nothing else of the package is compiled then, so that the compiler's only message is the one that explains.
func TestWithoutCgoTheCompilerTellsWhy(t *testing.T) {
	command := exec.Command("go", "build", ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := command.CombinedOutput()
	if err == nil {
		t.Fatal("it was built")
	}
	if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); len(lines) != 2 ||
		!strings.Contains(lines[1], "mqproducer_needs_cgo_set_CGO_ENABLED_1_and_install_a_C_compiler") {
		t.Errorf("the compiler says:\n%s", out)
	}
}
