//===- AstJsonReader.cpp - JSON -> tree -----------------------------------===//
//
// Reads each node by its list of fields. Whatever the JSON holds, the result is
// a tree that the parser could have made: nesting is bounded before LLVM's
// recursive parser sees the text, required children are there, spans lie in
// their file, and at the end the tree is printed, parsed and compared.
//
//===----------------------------------------------------------------------===//
#include "frontend/AstDepth.h"
#include "frontend/AstJson.h"
#include "frontend/Parser.h"
#include "frontend/Printer.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <charconv>

namespace mlc::frontend {

using namespace ast;

namespace {

/// Braces and brackets of JSON inside each other; a node takes at most four.
constexpr unsigned kMaxJsonNesting = 4 * (kMaxDepth + kMaxNesting);

bool nestsTooDeeply(std::string_view json) {
  unsigned depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonNesting)
        return true;
    } else if ((c == '}' || c == ']') && depth) {
      --depth;
    }
  }
  return false;
}

template <class T> inline constexpr bool kMayBeAbsent = false;
template <> inline constexpr bool kMayBeAbsent<bool> = true;
template <class T> inline constexpr bool kMayBeAbsent<std::vector<T>> = true;
template <class T> inline constexpr bool kMayBeAbsent<std::optional<T>> = true;

class Reader {
public:
  std::string error; ///< empty while all is well

  bool readProgram(const llvm::json::Value &json, SourceManager &sources,
                   Program &program) {
    const auto *object = json.getAsObject();
    const auto *files = object ? object->getArray("files") : nullptr;
    if (!object || object->getString("format") != "mlc-ast" || !files)
      return fail("this is not what `--emit=ast` writes");
    if (object->getInteger("schema_version") != 1)
      return fail("`schema_version` is not 1");
    if (files->empty())
      return fail("`files` is empty");
    for (size_t i = 0; i < files->size(); ++i) {
      At at(*this, "files[" + std::to_string(i) + "]");
      if (!readFile((*files)[i], sources, program))
        return false;
    }
    return true;
  }

  // One field of the object that is being read.

  template <class T> void operator()(const char *key, T &value) {
    field(key, value, kMayBeAbsent<T>);
  }
  void operator()(const char *key, ExprPtr &value, OptionalChild) {
    field(key, value, true);
  }

private:
  /// Extends the path in error messages.
  struct At {
    At(Reader &reader, std::string step) : reader(reader) {
      reader.path.push_back(std::move(step));
    }
    ~At() { reader.path.pop_back(); }
    Reader &reader;
  };

  bool fail(const std::string &what) {
    if (!error.empty())
      return false;
    for (const std::string &step : path)
      error += step + (&step == &path.back() ? ": " : ".");
    error += what;
    return false;
  }

  template <class T> void field(const char *key, T &value, bool mayBeAbsent) {
    if (!error.empty())
      return;
    const llvm::json::Value *json = current->get(key);
    if (!json) {
      if (!mayBeAbsent)
        fail("`" + std::string(key) + "` is missing");
      return;
    }
    ++used;
    At at(*this, key);
    read(*json, value);
  }

  /// Reads an object's fields and sees that it has no others.
  template <class Fields>
  bool readObject(const llvm::json::Value &json, size_t alreadyUsed,
                  Fields fields) {
    const llvm::json::Object *object = json.getAsObject();
    if (!object)
      return fail("is no object");
    const llvm::json::Object *outer = std::exchange(current, object);
    size_t outerUsed = std::exchange(used, alreadyUsed);
    fields();
    if (error.empty() && used != object->size())
      fail("it has a field too many; its fields are" + names(*object));
    current = outer;
    used = outerUsed;
    return error.empty();
  }

  static std::string names(const llvm::json::Object &object) {
    std::vector<std::string> keys;
    for (const auto &entry : object)
      keys.push_back(entry.first.str());
    std::sort(keys.begin(), keys.end());
    std::string text;
    for (const std::string &key : keys)
      text += " `" + key + "`";
    return text;
  }

  bool readFile(const llvm::json::Value &json, SourceManager &sources,
                Program &program) {
    File file;
    std::string name, text;
    readObject(json, 0, [&] {
      (*this)("name", name);
      (*this)("text", text);
      if (error.empty() && text.size() > (16u << 20))
        fail("`text` is longer than 16 MiB");
      sizeBytes = text.size();
      fileId = file.id = sources.size();
      File::fields(file, *this);
    });
    if (!error.empty())
      return false;
    sources.add(std::move(name), std::move(text));
    if (!parsesToItself(file))
      return fail("this is not a tree that the parser makes");
    program.files.push_back(std::move(file));
    return true;
  }

  static bool parsesToItself(const File &file) {
    SourceManager printed;
    FileId id = printed.add("", printSource(file));
    llvm::raw_null_ostream nowhere;
    DiagnosticEngine diagnostics(printed, nowhere, ColorMode::kNever);
    std::optional<File> again = parse(printed, id, diagnostics);
    return again && equal(file, *again);
  }

  void read(const llvm::json::Value &json, std::string &value) {
    if (auto text = json.getAsString())
      value = text->str();
    else
      fail("is no string");
  }
  void read(const llvm::json::Value &json, bool &value) {
    if (auto flag = json.getAsBoolean())
      value = *flag;
    else
      fail("is neither true nor false");
  }
  void read(const llvm::json::Value &json, Span &span) {
    const llvm::json::Array *ends = json.getAsArray();
    if (ends && ends->size() == 2) {
      auto begin = (*ends)[0].getAsInteger(), end = (*ends)[1].getAsInteger();
      if (begin && end && 0 <= *begin && *begin <= *end &&
          static_cast<uint64_t>(*end) <= sizeBytes) {
        span = {fileId, static_cast<uint32_t>(*begin),
                static_cast<uint32_t>(*end)};
        return;
      }
    }
    fail("is no range of bytes in the file's text");
  }
  void read(const llvm::json::Value &json, BinaryOp &op) {
    std::string text;
    read(json, text);
    for (auto each = BinaryOp::Or;;
         each = static_cast<BinaryOp>(static_cast<int>(each) + 1)) {
      if (text == spelling(each)) {
        op = each;
        return;
      }
      if (each == BinaryOp::Pow)
        break;
    }
    fail("is no operator");
  }
  void read(const llvm::json::Value &json, UnaryOp &op) {
    std::string text;
    read(json, text);
    if (text == "-" || text == "not")
      op = text == "-" ? UnaryOp::Neg : UnaryOp::Not;
    else
      fail("is neither `-` nor `not`");
  }
  template <class T>
  void read(const llvm::json::Value &json, std::vector<T> &list) {
    const llvm::json::Array *array = json.getAsArray();
    if (!array) {
      fail("is no array");
      return;
    }
    for (size_t i = 0; i < array->size() && error.empty(); ++i) {
      At at(*this, std::to_string(i));
      read((*array)[i], list.emplace_back());
    }
  }
  template <class T>
  void read(const llvm::json::Value &json, std::optional<T> &value) {
    read(json, value.emplace());
  }

  template <class T>
    requires requires(T &node, Reader &reader) { T::fields(node, reader); }
  void read(const llvm::json::Value &json, T &node) {
    readObject(json, 0, [&] { T::fields(node, *this); });
    if constexpr (std::is_same_v<T, Block>)
      for (const StmtPtr &stmt : node.statements)
        if (stmt)
          node.depth =
              std::max(node.depth, error.empty() ? depthOf(*stmt) + 1 : 0);
  }

  std::string kindOf(const llvm::json::Value &json) {
    const llvm::json::Object *object = json.getAsObject();
    auto kind = object ? object->getString("kind") : std::nullopt;
    if (!kind)
      fail("is no object with a `kind`");
    return kind ? kind->str() : std::string();
  }

  template <class Derived, class Base>
  void readNode(const llvm::json::Value &json, std::unique_ptr<Base> &node) {
    auto made = std::make_unique<Derived>();
    readObject(json, /*kind*/ 1, [&] {
      (*this)("span", made->span);
      Derived::fields(*made, *this);
    });
    if (error.empty())
      finish(*made);
    node = std::move(made);
  }

  void read(const llvm::json::Value &json, ExprPtr &node) {
    std::string kind = kindOf(json);
#define MLC_AST_CASE(NAME)                                                     \
  if (kind == #NAME)                                                           \
    return readNode<NAME##Expr>(json, node);
    MLC_AST_EXPRESSIONS(MLC_AST_CASE)
#undef MLC_AST_CASE
    fail("`" + kind + "` is no kind of expression");
  }
  void read(const llvm::json::Value &json, StmtPtr &node) {
    std::string kind = kindOf(json);
#define MLC_AST_CASE(NAME)                                                     \
  if (kind == #NAME)                                                           \
    return readNode<NAME##Stmt>(json, node);
    MLC_AST_STATEMENTS(MLC_AST_CASE)
#undef MLC_AST_CASE
    fail("`" + kind + "` is no kind of statement");
  }
  void read(const llvm::json::Value &json, DeclPtr &node) {
    std::string kind = kindOf(json);
#define MLC_AST_CASE(NAME)                                                     \
  if (kind == #NAME)                                                           \
    return readNode<NAME##Decl>(json, node);
    MLC_AST_DECLARATIONS(MLC_AST_CASE)
#undef MLC_AST_CASE
    fail("`" + kind + "` is no kind of declaration");
  }

  /// What the fields don't hold.
  void finish(Stmt &) {}
  void finish(Decl &) {}
  void finish(Expr &expr) {
    expr.depth = depthOf(expr) + 1;
    if (expr.depth > kMaxDepth)
      fail("is nested too deeply");
    if (auto *literal = llvm::dyn_cast<IntExpr>(&expr))
      parseNumber(literal->text, literal->value);
    if (auto *literal = llvm::dyn_cast<FloatExpr>(&expr))
      parseNumber(literal->text, literal->value);
  }
  template <class T> void parseNumber(const std::string &text, T &value) {
    const char *end = text.data() + text.size();
    auto [stop, code] = std::from_chars(text.data(), end, value);
    if (code != std::errc() || stop != end)
      fail("`" + text + "` is no number");
  }

  std::vector<std::string> path;
  const llvm::json::Object *current = nullptr;
  size_t used = 0; ///< fields of `current` that were read
  FileId fileId = kNoFile;
  size_t sizeBytes = 0;
};

} // namespace

std::optional<Program> fromJson(std::string_view json, SourceManager &sources,
                                DiagnosticEngine &diagnostics) {
  auto fail = [&](std::string message) {
    diagnostics.error(Code::MalformedTree, Span(), std::move(message))
        .help("emit it anew with `mlc MODEL.mlg --emit=ast`");
    return std::nullopt;
  };
  if (nestsTooDeeply(json))
    return fail("the JSON is nested too deeply");
  llvm::Expected<llvm::json::Value> value =
      llvm::json::parse(llvm::StringRef(json.data(), json.size()));
  if (!value)
    return fail("the JSON is malformed: " + llvm::toString(value.takeError()));
  Reader reader;
  Program program;
  if (!reader.readProgram(*value, sources, program))
    return fail(reader.error);
  return program;
}

} // namespace mlc::frontend
