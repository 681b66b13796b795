//===- AstJson.cpp - Tree -> JSON, and equality ---------------------------===//
//
// A node is an object with its kind, its span as byte offsets [begin, end) and
// its fields; what is false, empty or absent is left out. Two trees are equal
// when their JSON without spans and comments is.
//
//===----------------------------------------------------------------------===//
#include "frontend/AstJson.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

namespace mlc::frontend {

using namespace ast;

namespace {

const char *kindName(ExprKind kind) {
  switch (kind) {
#define MLC_AST_CASE(NAME)                                                     \
  case ExprKind::NAME:                                                         \
    return #NAME;
    MLC_AST_EXPRESSIONS(MLC_AST_CASE)
#undef MLC_AST_CASE
  }
  __builtin_unreachable();
}

const char *kindName(StmtKind kind) {
  switch (kind) {
#define MLC_AST_CASE(NAME)                                                     \
  case StmtKind::NAME:                                                         \
    return #NAME;
    MLC_AST_STATEMENTS(MLC_AST_CASE)
#undef MLC_AST_CASE
  }
  __builtin_unreachable();
}

const char *kindName(DeclKind kind) {
  switch (kind) {
#define MLC_AST_CASE(NAME)                                                     \
  case DeclKind::NAME:                                                         \
    return #NAME;
    MLC_AST_DECLARATIONS(MLC_AST_CASE)
#undef MLC_AST_CASE
  }
  __builtin_unreachable();
}

class Writer {
public:
  Writer(llvm::json::OStream &json, bool places) : json(json), places(places) {}

  template <class T> void operator()(const char *key, const T &value) {
    if (isDefault(value) || (!places && !strcmp(key, "comments")))
      return;
    json.attributeBegin(key);
    write(value);
    json.attributeEnd();
  }
  template <class T>
  void operator()(const char *key, const T &value, OptionalChild) {
    (*this)(key, value);
  }

  template <class Node> void writeNode(const Node &node) {
    visit(node, [&](const auto &each) {
      json.objectBegin();
      json.attribute("kind", kindName(each.kind));
      (*this)("span", each.span);
      each.fields(each, *this);
      json.objectEnd();
    });
  }

private:
  bool isDefault(bool value) const { return !value; }
  bool isDefault(Span) const { return !places; }
  template <class T> bool isDefault(const std::vector<T> &list) const {
    return list.empty();
  }
  template <class T> bool isDefault(const std::optional<T> &value) const {
    return !value;
  }
  template <class T> bool isDefault(const std::unique_ptr<T> &value) const {
    return !value;
  }
  template <class T> bool isDefault(const T &) const { return false; }

  void write(bool value) { json.value(value); }
  void write(const std::string &value) {
    json.value(llvm::json::isUTF8(value) ? value : llvm::json::fixUTF8(value));
  }
  void write(BinaryOp op) { json.value(spelling(op)); }
  void write(UnaryOp op) { json.value(spelling(op)); }
  void write(Span span) {
    json.rawValue([&](llvm::raw_ostream &out) {
      out << '[' << span.begin << ", " << span.end << ']';
    });
  }
  template <class T> void write(const std::vector<T> &list) {
    json.arrayBegin();
    for (const T &item : list)
      write(item);
    json.arrayEnd();
  }
  template <class T> void write(const std::optional<T> &value) {
    write(*value);
  }
  template <class T> void write(const std::unique_ptr<T> &node) {
    writeNode(static_cast<const T &>(*node));
  }
  template <class T>
    requires requires(const T &node, Writer &writer) {
      T::fields(node, writer);
    }
  void write(const T &node) {
    json.objectBegin();
    T::fields(node, *this);
    json.objectEnd();
  }

  llvm::json::OStream &json;
  bool places;
};

template <class Body> std::string print(Body body, unsigned indent) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::json::OStream json(out, indent);
  body(json);
  return text;
}

std::string structure(const File &file) {
  return print(
      [&](llvm::json::OStream &json) {
        Writer writer(json, /*places=*/false);
        json.object([&] { File::fields(file, writer); });
      },
      0);
}

std::string structure(const Expr &expr) {
  return print(
      [&](llvm::json::OStream &json) {
        Writer(json, /*places=*/false).writeNode(expr);
      },
      0);
}

} // namespace

std::string toJson(const Program &program, const SourceManager &sources) {
  std::string text = print(
      [&](llvm::json::OStream &json) {
        Writer writer(json, /*places=*/true);
        json.objectBegin();
        json.attribute("format", "mlc-ast");
        json.attribute("schema_version", 1);
        json.attributeBegin("files");
        json.arrayBegin();
        for (const File &file : program.files) {
          const SourceFile &source = sources.file(file.id);
          json.objectBegin();
          writer("name", source.name());
          writer("text", source.text());
          File::fields(file, writer);
          json.objectEnd();
        }
        json.arrayEnd();
        json.attributeEnd();
        json.objectEnd();
      },
      1);
  return text + "\n";
}

namespace ast {

const char *spelling(BinaryOp op) {
  static const char *const kSpellings[] = {"or", "and", "==", "!=", "<",
                                           "<=", ">",   ">=", "+",  "-",
                                           "*",  "/",   "%",  "@",  "^"};
  return kSpellings[static_cast<size_t>(op)];
}

const char *spelling(UnaryOp op) { return op == UnaryOp::Neg ? "-" : "not"; }

bool equal(const File &a, const File &b) {
  return structure(a) == structure(b);
}

bool equal(const Expr &a, const Expr &b) {
  return structure(a) == structure(b);
}

} // namespace ast

} // namespace mlc::frontend
