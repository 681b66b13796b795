//===- AstDecls.h - Declarations of the syntax tree -----------------------===//
#ifndef MLC_FRONTEND_ASTDECLS_H
#define MLC_FRONTEND_ASTDECLS_H

#include "frontend/AstStmts.h"

namespace mlc::frontend::ast {

#define MLC_AST_DECLARATIONS(X)                                                \
  X(Import)                                                                    \
  X(Layer)                                                                     \
  X(Model)                                                                     \
  X(Data)                                                                      \
  X(Train)                                                                     \
  X(Parallel)

enum class DeclKind {
#define MLC_AST_KIND(NAME) NAME,
  MLC_AST_DECLARATIONS(MLC_AST_KIND)
#undef MLC_AST_KIND
};

struct Decl {
  const DeclKind kind;
  Span span;

  virtual ~Decl() = default;

protected:
  explicit Decl(DeclKind k) : kind(k) {}
};
using DeclPtr = std::unique_ptr<Decl>;

template <DeclKind K> struct DeclOf : Decl {
  static constexpr DeclKind kKind = K;
  DeclOf() : Decl(K) {}
  static bool classof(const Decl *decl) { return decl->kind == K; }
};

/// `import "blocks.mlg"`; the path is relative to this file's folder.
struct ImportDecl : DeclOf<DeclKind::Import> {
  std::string path;
  Span pathSpan;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("path", self.path);
    v("pathSpan", self.pathSpan);
  }
};

/// `x: float[..., D]`, `hard: bool = true`: a tensor or a hyper-parameter.
struct Parameter {
  Span span;
  Name name;
  Type type;
  ExprPtr init; ///< the default; null if there is none

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("name", self.name);
    v("type", self.type);
    v("init", self.init, kOptional);
  }
};

/// `gradient(dy) { return dy }`: cotangents of the results in, cotangents of
/// the layer's tensor parameters out.
struct Gradient {
  Span span;
  std::vector<Name> cotangents;
  Block body;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("cotangents", self.cotangents);
    v("body", self.body);
  }
};

/// `layer f(x: float[..., D]) -> float[..., D] { ... } gradient(dy) { ... }`.
struct LayerDecl : DeclOf<DeclKind::Layer> {
  Name name;
  std::vector<Parameter> parameters;
  bool tupleResult = false;  ///< results stood in parentheses
  std::vector<Type> results; ///< at least one
  Block body;
  std::optional<Gradient> gradient;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("parameters", self.parameters);
    v("tupleResult", self.tupleResult);
    v("results", self.results);
    v("body", self.body);
    v("gradient", self.gradient);
  }
};

/// `model gpt(depth: int = 4) { ... }`.
struct ModelDecl : DeclOf<DeclKind::Model> {
  Name name;
  std::vector<Parameter> parameters; ///< hyper-parameters; empty without `()`
  Block body;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("parameters", self.parameters);
    v("body", self.body);
  }
};

/// `epochs = 5` in a block.
struct Setting {
  Span span;
  Name name;
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("name", self.name);
    v("value", self.value);
  }
};

/// `data { train = csv(...) }`: one setting per split.
struct DataDecl : DeclOf<DeclKind::Data> {
  std::vector<Setting> splits;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("splits", self.splits);
  }
};

/// `group "*.b" { weight_decay = 0 }`.
struct Group {
  Span span;
  std::string pattern;
  Span patternSpan;
  std::vector<Setting> settings;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("pattern", self.pattern);
    v("patternSpan", self.patternSpan);
    v("settings", self.settings);
  }
};

/// `train { steps = 1 ... group "..." { ... } }`.
struct TrainDecl : DeclOf<DeclKind::Train> {
  std::vector<Setting> settings;
  std::vector<Group> groups;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("settings", self.settings);
    v("groups", self.groups);
  }
};

/// `shard h[*].w = [_, model]`.
struct Shard {
  Span span;
  ExprPtr path; ///< NameExpr, MemberExpr and IndexExpr only
  ExprPtr axes; ///< ListExpr of NameExpr and WildcardExpr
  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("path", self.path);
    v("axes", self.axes);
  }
};

/// `pipeline { stages = 2; cut = [h[1]]; schedule = one_f_one_b }`.
struct Pipeline {
  Span span;
  std::vector<Setting> settings;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("settings", self.settings);
  }
};

/// `parallel { mesh = (data = 2) ... }`.
struct ParallelDecl : DeclOf<DeclKind::Parallel> {
  std::vector<Setting> settings; ///< mesh, zero
  std::vector<Shard> shards;
  std::optional<Pipeline> pipeline;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("settings", self.settings);
    v("shards", self.shards);
    v("pipeline", self.pipeline);
  }
};

/// A comment, for the printer: `text` with its slashes, without the line's end.
struct Comment {
  Span span;
  std::string text;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("text", self.text);
  }
};

/// One source file. At most one model, data, train and parallel block: the
/// parser sees to it.
struct File {
  FileId id = kNoFile;
  std::vector<DeclPtr> declarations; ///< in source order
  std::vector<Comment> comments;

  /// The declaration of type `D`; null if there is none.
  template <class D> const D *find() const {
    for (const DeclPtr &decl : declarations)
      if (const auto *found = llvm::dyn_cast<D>(decl.get()))
        return found;
    return nullptr;
  }
  /// All declarations of type `D`, in order.
  template <class D> std::vector<const D *> all() const {
    std::vector<const D *> found;
    for (const DeclPtr &decl : declarations)
      if (const auto *each = llvm::dyn_cast<D>(decl.get()))
        found.push_back(each);
    return found;
  }

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("declarations", self.declarations);
    v("comments", self.comments);
  }
};

/// A file and everything it imports, each file once. files[0] is the one that
/// was asked for; an imported file stands before the files that it imports.
struct Program {
  std::vector<File> files;
};

} // namespace mlc::frontend::ast

#endif // MLC_FRONTEND_ASTDECLS_H
