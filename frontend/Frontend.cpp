//===- Frontend.cpp - The front door --------------------------------------===//

#include "frontend/Frontend.h"

#include "frontend/AstJson.h"
#include "frontend/Checker.h"
#include "frontend/Format.h"
#include "frontend/Importer.h"
#include "frontend/Parser.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

namespace mlc::frontend {

namespace {
struct Session {
  explicit Session(const CompileOptions &options)
      : options(options), stream(text),
        diagnostics(sources, stream,
                    options.color ? ColorMode::kAlways : ColorMode::kNever) {
    stream.enable_colors(options.color); // a string has none by itself
  }

  std::optional<ast::Program> load() {
    if (options.isAstJson)
      return fromJson(options.text, sources, diagnostics);
    FileReader reader = [&](const std::string &path, std::string &contents,
                            std::string &error) {
      if (path == options.fileName && sources.size() == 0) {
        contents = options.text;
        return true;
      }
      if (!options.readImport)
        return readFile(path, contents, error);
      std::optional<std::string> found = options.readImport(path);
      if (!found) {
        error = "no such file";
        return false;
      }
      contents = *found;
      return true;
    };
    return parseProgram(options.fileName, sources, diagnostics, reader);
  }
  std::optional<ast::Program> loadLibrary() {
    FileId id = sources.add("<library>/layers.mlg",
                            options.library.value_or(standardLibraryText()));
    std::optional<ast::File> file = parse(sources, id, diagnostics);
    if (!file)
      return std::nullopt;
    ast::Program library;
    library.files.push_back(std::move(*file));
    return library;
  }
  void finish(CompileResult &result) {
    stream.flush();
    result.diagnostics = text;
    for (const Diagnostic &error : diagnostics.errors())
      result.codes.emplace_back(codeName(error.code));
  }

  const CompileOptions &options;
  SourceManager sources;
  std::string text;
  llvm::raw_string_ostream stream;
  DiagnosticEngine diagnostics;
};

std::optional<CheckedModel> checkIn(Session &session, bool needModel,
                                    CompileResult &result) {
  std::optional<ast::Program> program = session.load();
  std::optional<ast::Program> library =
      program ? session.loadLibrary() : std::nullopt;
  std::optional<CheckedModel> model;
  if (library) {
    bool usageError = false;
    model =
        checkProgram(*program, *library, session.sources, session.diagnostics,
                     session.options, needModel, usageError);
    result.status = model        ? CompileStatus::Ok
                    : usageError ? CompileStatus::UsageError
                                 : CompileStatus::ModelError;
  }
  session.finish(result);
  return model;
}
} // namespace

CompileResult compile(mlir::MLIRContext &context,
                      const CompileOptions &options) {
  Session session(options);
  CompileResult result;
  std::optional<CheckedModel> model = checkIn(session, true, result);
  if (!model)
    return result;
  std::string name(session.sources.file(0).name());
  result.module = importModel(context, *model, session.sources,
                              llvm::sys::path::filename(name).str());
  if (mlir::failed(mlir::verify(*result.module))) {
    result.status = CompileStatus::ModelError;
    result.diagnostics += "internal error: the importer made invalid IR\n";
    result.module = {};
  }
  return result;
}

CompileResult check(const CompileOptions &options) {
  Session session(options);
  CompileResult result;
  checkIn(session, false, result);
  return result;
}

TextResult emitAst(const CompileOptions &options) {
  Session session(options);
  TextResult result;
  if (std::optional<ast::Program> program = session.load()) {
    result.status = CompileStatus::Ok;
    result.text = toJson(*program, session.sources);
  }
  session.stream.flush();
  result.diagnostics = session.text;
  return result;
}

TextResult format(const CompileOptions &options) {
  Session session(options);
  TextResult result;
  FileId id = session.sources.add(options.fileName, options.text);
  std::optional<std::string> text =
      formatSource(session.sources, id, session.diagnostics);
  if (text) {
    // A file that is rewritten in place must not lose anything.
    FileId again = session.sources.add(options.fileName, *text);
    std::optional<ast::File> before =
        parse(session.sources, id, session.diagnostics);
    std::optional<ast::File> after =
        parse(session.sources, again, session.diagnostics);
    if (before && after && ast::equal(*before, *after)) {
      result.status = CompileStatus::Ok;
      result.text = *text;
    } else {
      session.stream << "internal error: formatting would change the model\n";
    }
  }
  session.stream.flush();
  result.diagnostics = session.text;
  return result;
}

} // namespace mlc::frontend
