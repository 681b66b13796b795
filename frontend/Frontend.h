//===- Frontend.h - From a model file to graph IR --------------------===//
//
// The front door of the front end: parse, check, elaborate, import. Drivers
// include this header and nothing else of this folder.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_FRONTEND_FRONTEND_H
#define MLC_FRONTEND_FRONTEND_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlc::frontend {

/// What one compilation reads.
struct CompileOptions {
  /// The file as the user named it; messages show it, plans keep its base name.
  std::string fileName;
  /// The file's contents: the language, or with `isAstJson` the JSON that
  /// `emitAst` printed.
  std::string text;
  bool isAstJson = false;
  /// `--set name=value`, in order; a later one wins. The name is a
  /// hyper-parameter of the model or a field such as `train.batch`.
  std::vector<std::pair<std::string, std::string>> overrides;
  /// `--mesh data=2,model=2`, `data=*`; replaces the sizes of the file's mesh.
  std::optional<std::string> mesh;
  /// Text of the library of layers; without it, the one that ships with mlc.
  std::optional<std::string> library;
  /// Reads a file named by `import "..."`, relative to `fileName`; nothing
  /// where it cannot be read. Without it, imports are looked for on disk.
  std::function<std::optional<std::string>(const std::string &)> readImport;
  /// Colour the diagnostics with ANSI escapes.
  bool color = false;
};

enum class CompileStatus {
  Ok,         ///< `module` (or `text`) is there.
  ModelError, ///< The model is wrong: exit code 1.
  UsageError, ///< `--set` or `--mesh` is wrong: exit code 2.
};

struct CompileResult {
  CompileStatus status = CompileStatus::ModelError;
  /// The module at phase `graph`; see docs/architecture.md.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Errors, as they are shown to people; empty where there are none.
  std::string diagnostics;
  /// Codes of the errors, in order (`E0203`), for tests and tools.
  std::vector<std::string> codes;
};

/// Compiles a model to graph IR. Loads the dialects it needs into `context`.
CompileResult compile(mlir::MLIRContext &context,
                      const CompileOptions &options);

struct TextResult {
  CompileStatus status = CompileStatus::ModelError;
  std::string text;
  std::string diagnostics;
};

/// Parses only: the phase `ast`, checked for syntax, as JSON with locations.
TextResult emitAst(const CompileOptions &options);

/// The file alone, without its imports, in the one style: see Format.h.
TextResult format(const CompileOptions &options);

/// Parses and checks a file without making IR; a library (a file without a
/// model) checks too.
CompileResult check(const CompileOptions &options);

/// The text of the library of layers that ships with mlc.
const char *standardLibraryText();

} // namespace mlc::frontend

#endif // MLC_FRONTEND_FRONTEND_H
