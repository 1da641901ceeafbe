package mqproducer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

// undocumented lists the exported declarations of a file that say nothing.
func undocumented(file *ast.File) []string {
	var missing []string
	for _, declaration := range file.Decls {
		switch declaration := declaration.(type) {
		case *ast.FuncDecl:
			if declaration.Name.IsExported() && exportedReceiver(declaration) && declaration.Doc.Text() == "" {
				missing = append(missing, declaration.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range declaration.Specs {
				missing = append(missing, undocumentedSpec(declaration, spec)...)
			}
		}
	}
	return missing
}

// exportedReceiver tells whether users see a method's type; functions have none.
func exportedReceiver(function *ast.FuncDecl) bool {
	if function.Recv == nil {
		return true
	}
	receiver := function.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported()
}

func undocumentedSpec(declaration *ast.GenDecl, spec ast.Spec) []string {
	var missing []string
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() && spec.Doc.Text() == "" && declaration.Doc.Text() == "" {
			missing = append(missing, spec.Name.Name)
		}
		if fields, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() {
			missing = append(missing, undocumentedFields(spec.Name.Name, fields)...)
		}
	case *ast.ValueSpec:
		said := spec.Doc.Text() + spec.Comment.Text() + declaration.Doc.Text()
		for _, name := range spec.Names {
			if name.IsExported() && said == "" {
				missing = append(missing, name.Name)
			}
		}
	}
	return missing
}

// undocumentedFields: a comment serves the fields that follow it without an empty line, as gofmt keeps them together.
func undocumentedFields(name string, structure *ast.StructType) []string {
	var missing []string
	for index, field := range structure.Fields.List {
		said := field.Doc.Text() + field.Comment.Text()
		if said != "" {
			continue
		}
		follows := index > 0 && structure.Fields.List[index-1].End()+3 >= field.Pos()
		for _, of := range field.Names {
			if of.IsExported() && !follows {
				missing = append(missing, name+"."+of.Name)
			}
		}
	}
	return missing
}

func TestEachExportedNameSaysWhatItIs(t *testing.T) {
	files := token.NewFileSet()
	packages, err := parser.ParseDir(files, ".", func(info fs.FileInfo) bool {
		return !strings.HasSuffix(info.Name(), "_test.go")
	}, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range packages["mqproducer"].Files {
		seen++
		for _, name := range undocumented(file) {
			t.Errorf("%s: %s says nothing", files.Position(file.Pos()).Filename, name)
		}
	}
	if seen < 10 {
		t.Fatalf("only %d files were read", seen)
	}
}

func TestNamesThatSayNothingAreFound(t *testing.T) {
	const source = "package p\n\ntype T struct {\n\tA int\n}\n\nfunc (t *T) M() {}\n\nfunc F() {}\n\nconst C = 1\n"
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if found := strings.Join(undocumented(file), " "); found != "T T.A M F C" {
		t.Errorf("found %q", found)
	}
}
