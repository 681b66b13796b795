//===- Loader.cpp - A file and everything it imports ----------------------===//
#include "frontend/Parser.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <algorithm>

namespace mlc::frontend {

namespace {

constexpr size_t kLargestFile = 16u << 20;

/// `import` at `from`, relative to the folder of the file at `importer`.
std::string resolve(const std::string &importer, const std::string &import) {
  if (llvm::sys::path::is_absolute(import))
    return import;
  llvm::SmallString<128> path = llvm::sys::path::parent_path(importer);
  llvm::sys::path::append(path, import);
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  return std::string(path);
}

class Loader {
public:
  Loader(SourceManager &sources, DiagnosticEngine &diagnostics,
         const FileReader &reader)
      : sources(sources), diagnostics(diagnostics), reader(reader) {}

  /// Loads the file at `path`, which the text at `from` asks for.
  bool load(const std::string &path, Span from) {
    std::string text, why;
    if (!reader(path, text, why)) {
      auto error = diagnostics.error(Code::CannotRead, from,
                                     "can't read `" + path + "`: " + why);
      if (from.valid())
        error.help("the path is relative to the folder of the file that it "
                   "stands in");
      return false;
    }
    if (text.size() > kLargestFile) {
      diagnostics.error(Code::FileTooLarge, from,
                        "`" + path + "` has " + std::to_string(text.size()) +
                            " bytes, and at most " +
                            std::to_string(kLargestFile) + " are accepted");
      return false;
    }
    FileId id = sources.add(path, std::move(text));
    std::optional<ast::File> file = parse(sources, id, diagnostics);
    if (!file || (from.valid() && !isLibrary(*file, from)))
      return false;
    size_t index = program.files.size();
    program.files.push_back(std::move(*file));
    loaded.push_back(path);
    open.push_back(path);
    bool fine = loadImports(index, path);
    open.pop_back();
    return fine;
  }

  ast::Program program;

private:
  bool loadImports(size_t index, const std::string &path) {
    std::vector<std::pair<std::string, Span>> wanted;
    for (const auto *import : program.files[index].all<ast::ImportDecl>())
      wanted.emplace_back(resolve(path, import->path), import->pathSpan);
    for (const auto &[target, span] : wanted) {
      if (std::find(open.begin(), open.end(), target) != open.end()) {
        diagnostics
            .error(Code::ImportCycle, span,
                   target == path ? "`" + target + "` imports itself"
                                  : "`" + target +
                                        "` imports this file, and "
                                        "this file imports it")
            .help("move what both need into a file of its own");
        return false;
      }
      if (std::find(loaded.begin(), loaded.end(), target) == loaded.end() &&
          !load(target, span))
        return false;
    }
    return true;
  }

  bool isLibrary(const ast::File &file, Span from) {
    for (const ast::DeclPtr &decl : file.declarations) {
      if (llvm::isa<ast::ImportDecl, ast::LayerDecl>(decl.get()))
        continue;
      std::string_view word = sources.text(decl->span);
      word = word.substr(0, word.find_first_of(" \t\r\n{(/"));
      Span span = decl->span;
      span.end = span.begin + static_cast<uint32_t>(word.size());
      diagnostics
          .error(Code::ImportedBlock, span,
                 "an imported file holds layers only, and this is a `" +
                     std::string(word) + "`")
          .note(from, "it is imported here")
          .help("move the layers into a file of their own and import that");
      return false;
    }
    return true;
  }

  SourceManager &sources;
  DiagnosticEngine &diagnostics;
  const FileReader &reader;
  std::vector<std::string> loaded, open;
};

} // namespace

bool readFile(const std::string &path, std::string &text, std::string &error) {
  if (llvm::sys::fs::is_directory(path)) {
    error = "it is a folder";
    return false;
  }
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    error = buffer.getError().message();
    if (!error.empty() && error[0] >= 'A' && error[0] <= 'Z')
      error[0] = static_cast<char>(error[0] - 'A' + 'a');
    return false;
  }
  text = (*buffer)->getBuffer().str();
  return true;
}

std::optional<ast::Program> parseProgram(const std::string &path,
                                         SourceManager &sources,
                                         DiagnosticEngine &diagnostics,
                                         const FileReader &reader) {
  Loader loader(sources, diagnostics, reader);
  if (!loader.load(path, Span()))
    return std::nullopt;
  return std::move(loader.program);
}

} // namespace mlc::frontend
