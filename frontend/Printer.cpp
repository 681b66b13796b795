//===- Printer.cpp - Tree -> text -----------------------------------------===//
//
// Two spaces per block, one statement per line, parentheses only where the
// tree needs them; a chain of pipes that is too long for its line goes on line
// by line. Comments and single blank lines between statements are kept.
//
//===----------------------------------------------------------------------===//
#include "frontend/Printer.h"
#include "frontend/Precedence.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace mlc::frontend {

using namespace ast;

namespace {

constexpr size_t kWidest = 100;

std::string quote(const std::string &value) {
  std::string text = "\"";
  for (char c : value)
    switch (c) {
    case '\n':
      text += "\\n";
      break;
    case '\t':
      text += "\\t";
      break;
    case '"':
    case '\\':
      text += '\\';
      [[fallthrough]];
    default:
      text += c;
    }
  return text + "\"";
}

class Printer {
public:
  explicit Printer(const File *file = nullptr,
                   const SourceManager *sources = nullptr)
      : file(file), sources(sources) {}

  std::string print() {
    for (const DeclPtr &decl : file->declarations) {
      bool import = llvm::isa<ImportDecl>(decl.get());
      if (!out.empty() && !(import && lastWasImport))
        separate = true;
      lastWasImport = import;
      visit(static_cast<const Decl &>(*decl),
            [&](const auto &node) { declare(node); });
    }
    flushComments(~0u);
    return std::move(out);
  }

  std::string type(const Type &type) {
    std::string result = type.element.text;
    return type.brackets ? result + "[" + list(type.dims) + "]" : result;
  }

  /// The expression, in parentheses if it binds looser than `level`.
  std::string expr(const Expr &node, int level = kPipeLevel) {
    std::string result =
        visit(node, [&](const auto &each) { return text(each); });
    return levelOf(node) < level ? "(" + result + ")" : result;
  }

private:
  //===--------------------------------------------------------------------===//
  // Lines and comments
  //===--------------------------------------------------------------------===//

  void write(const std::string &line) {
    if (line.empty()) {
      if (!out.empty() && !out.ends_with("{\n") && !out.ends_with("\n\n"))
        out += "\n";
      return;
    }
    out += std::string(2 * indent, ' ') + line + "\n";
  }

  /// Whether the source has an empty line right before `begin`.
  bool blankBefore(uint32_t begin) const {
    const std::string &text = sources->file(file->id).text();
    unsigned lines = 0;
    while (begin > 0 && lines < 2) {
      char c = text[--begin];
      if (c == '\n')
        ++lines;
      else if (c != ' ' && c != '\t' && c != '\r')
        break;
    }
    return lines == 2;
  }

  void flushComments(uint32_t before) {
    while (sources && nextComment < file->comments.size() &&
           file->comments[nextComment].span.begin < before) {
      const Comment &comment = file->comments[nextComment++];
      if (separate || blankBefore(comment.span.begin))
        write("");
      separate = false;
      write(comment.text);
    }
  }

  /// Begins an item: its comments and the empty line before it.
  void begin(Span span) {
    if (sources) {
      flushComments(span.begin);
      if (blankBefore(span.begin))
        separate = true;
    }
    if (separate)
      write("");
    separate = false;
  }

  /// Appends a comment that stands on the last line of `span`.
  void end(Span span) {
    if (!sources || nextComment >= file->comments.size())
      return;
    const SourceFile &source = sources->file(file->id);
    const Comment &comment = file->comments[nextComment];
    if (comment.span.begin < span.end ||
        source.lineOf(comment.span.begin) !=
            source.lineOf(std::max(span.end, 1u) - 1))
      return;
    // Not behind the first of two statements on that line.
    std::string_view between =
        std::string_view(source.text())
            .substr(span.end, comment.span.begin - span.end);
    if (between.find_first_not_of(" \t\r") != std::string_view::npos)
      return;
    out.pop_back();
    out += " " + comment.text + "\n";
    ++nextComment;
  }

  void item(Span span, const std::string &line) {
    begin(span);
    write(line);
    end(span);
  }

  /// `head { ... }`, with `tail` behind the brace.
  template <class Body>
  void braces(const std::string &head, Span span, Body body,
              const std::string &tail = "") {
    write(head + " {");
    ++indent;
    separate = false;
    body();
    if (span.valid())
      flushComments(span.end);
    --indent;
    separate = false;
    if (out.ends_with("{\n") && out.ends_with(head + " {\n")) {
      out.pop_back();
      out += "}" + tail + "\n";
    } else {
      write("}" + tail);
    }
  }

  void statements(const Block &block) {
    for (const StmtPtr &stmt : block.statements) {
      begin(stmt->span);
      visit(static_cast<const Stmt &>(*stmt),
            [&](const auto &node) { state(node); });
      end(stmt->span);
    }
  }

  void block(const std::string &head, const Block &block) {
    braces(head, block.span, [&] { statements(block); });
  }

  //===--------------------------------------------------------------------===//
  // Declarations
  //===--------------------------------------------------------------------===//

  std::string parameters(const std::vector<Parameter> &list) {
    std::string result;
    for (const Parameter &parameter : list)
      result += (result.empty() ? "" : ", ") + parameter.name.text + ": " +
                type(parameter.type) +
                (parameter.init ? " = " + expr(*parameter.init) : "");
    return "(" + result + ")";
  }

  void declare(const ImportDecl &import) {
    item(import.span, "import " + quote(import.path));
  }

  void declare(const LayerDecl &layer) {
    std::string results;
    for (const Type &result : layer.results)
      results += (results.empty() ? "" : ", ") + type(result);
    if (layer.tupleResult)
      results = "(" + results + ")";
    begin(layer.span);
    block("layer " + layer.name.text + parameters(layer.parameters) + " -> " +
              results,
          layer.body);
    if (layer.gradient) {
      out.pop_back(); // on the line of the closing brace
      std::string head = " gradient(" + names(layer.gradient->cotangents) + ")";
      out += head + " {\n";
      ++indent;
      statements(layer.gradient->body);
      flushComments(layer.gradient->span.end);
      --indent;
      write("}");
    }
    end(layer.span);
  }

  void declare(const ModelDecl &model) {
    begin(model.span);
    block("model " + model.name.text +
              (model.parameters.empty() ? "" : parameters(model.parameters)),
          model.body);
    end(model.span);
  }

  void setting(const Setting &setting) {
    item(setting.span, setting.name.text + " = " + expr(*setting.value));
  }

  void declare(const DataDecl &data) {
    begin(data.span);
    braces("data", data.span, [&] {
      for (const Setting &split : data.splits)
        setting(split);
    });
    end(data.span);
  }

  /// Parts of different kinds, in the order of their places.
  using Parts = std::multimap<uint32_t, std::function<void()>>;
  static void inOrder(const Parts &parts) {
    for (const auto &[place, print] : parts)
      print();
  }

  void declare(const TrainDecl &train) {
    Parts parts;
    for (const Setting &each : train.settings)
      parts.emplace(each.span.begin, [&] { setting(each); });
    for (const Group &group : train.groups)
      parts.emplace(group.span.begin, [&] {
        begin(group.span);
        braces("group " + quote(group.pattern), group.span, [&] {
          for (const Setting &each : group.settings)
            setting(each);
        });
        end(group.span);
      });
    begin(train.span);
    braces("train", train.span, [&] { inOrder(parts); });
    end(train.span);
  }

  void declare(const ParallelDecl &parallel) {
    Parts parts;
    for (const Setting &each : parallel.settings)
      parts.emplace(each.span.begin, [&] { setting(each); });
    for (const Shard &shard : parallel.shards)
      parts.emplace(shard.span.begin, [&] {
        item(shard.span, "shard " + expr(*shard.path, kPostfixLevel) + " = " +
                             expr(*shard.axes));
      });
    if (const auto &pipeline = parallel.pipeline)
      parts.emplace(pipeline->span.begin, [&] {
        begin(pipeline->span);
        braces("pipeline", pipeline->span, [&] {
          for (const Setting &each : pipeline->settings)
            setting(each);
        });
        end(pipeline->span);
      });
    begin(parallel.span);
    braces("parallel", parallel.span, [&] { inOrder(parts); });
    end(parallel.span);
  }

  //===--------------------------------------------------------------------===//
  // Statements
  //===--------------------------------------------------------------------===//

  static std::string names(const std::vector<Name> &list) {
    std::string result;
    for (const Name &name : list)
      result += (result.empty() ? "" : ", ") + name.text;
    return result;
  }

  static std::string targets(bool tuple, const std::vector<Name> &list) {
    std::string result = names(list);
    return tuple ? "(" + result + ")" : result;
  }

  /// `head value`, a long chain of pipes one link a line.
  void line(const std::string &head, const Expr &value) {
    std::string whole = head + " " + expr(value);
    const auto *call = llvm::dyn_cast<CallExpr>(&value);
    if (2 * indent + whole.size() <= kWidest || !call || !call->piped ||
        call->arguments.empty() || whole.find('\n') != std::string::npos) {
      write(whole);
      return;
    }
    std::vector<const CallExpr *> links;
    const Expr *first = &value;
    while (const auto *link = llvm::dyn_cast<CallExpr>(first)) {
      if (!link->piped || link->arguments.empty())
        break;
      links.push_back(link);
      first = link->arguments[0].value.get();
    }
    write(head + " " + expr(*first, kOrLevel));
    for (auto link = links.rbegin(); link != links.rend(); ++link)
      write("  |> " + target(**link));
  }

  void state(const InputStmt &stmt) {
    write("input " + stmt.name.text + ": " + type(stmt.type));
  }
  void state(const OutputStmt &stmt) {
    if (stmt.value)
      line("output " + stmt.name.text + " =", *stmt.value);
    else
      write("output " + stmt.name.text);
  }
  void state(const LossStmt &stmt) { line("loss", *stmt.value); }
  void state(const MetricStmt &stmt) {
    line("metric " + stmt.name.text + " =", *stmt.value);
  }
  void state(const LetStmt &stmt) {
    line("let " + targets(stmt.tuple, stmt.names) + " =", *stmt.value);
  }
  void state(const AssignStmt &stmt) {
    line(targets(stmt.tuple, stmt.names) + " =", *stmt.value);
  }
  template <class S> void declared(const char *keyword, const S &stmt) {
    write(keyword + stmt.name.text + ": " + type(stmt.type) +
          (stmt.init ? " = " + expr(*stmt.init) : ""));
  }
  void state(const ParamStmt &stmt) { declared("param ", stmt); }
  void state(const StateStmt &stmt) { declared("state ", stmt); }
  void state(const UpdateStmt &stmt) {
    line("update " + stmt.name.text + " =", *stmt.value);
  }
  void state(const OverDatasetStmt &stmt) { block("over dataset", stmt.body); }
  void state(const RepeatStmt &stmt) {
    block("repeat " + stmt.variable.text + " in " + expr(*stmt.range) +
              (stmt.remat ? " remat" : ""),
          stmt.body);
  }
  void state(const ReturnStmt &stmt) { line("return", *stmt.value); }
  void state(const YieldStmt &stmt) { line("yield", *stmt.value); }

  void state(const IfStmt &first) {
    std::string head = "if " + expr(*first.condition);
    block(head, first.then);
    for (const IfStmt *stmt = &first; stmt->otherwise;) {
      out.pop_back(); // on the line of the closing brace
      const auto &rest = stmt->otherwise->statements;
      const IfStmt *next = stmt->elseIf && rest.size() == 1
                               ? llvm::dyn_cast<IfStmt>(rest[0].get())
                               : nullptr;
      out += next ? " else if " + expr(*next->condition) + " {\n" : " else {\n";
      const Block &body = next ? next->then : *stmt->otherwise;
      ++indent;
      statements(body);
      flushComments(body.span.end);
      --indent;
      write("}");
      if (!next)
        break;
      stmt = next;
    }
  }

  //===--------------------------------------------------------------------===//
  // Expressions
  //===--------------------------------------------------------------------===//

  std::string list(const std::vector<ExprPtr> &items) {
    std::string result;
    for (const ExprPtr &each : items)
      result += (result.empty() ? "" : ", ") + expr(*each);
    return result;
  }

  std::string arguments(const std::vector<Argument> &list, size_t first) {
    std::string result;
    for (size_t i = first; i < list.size(); ++i)
      result += (i == first ? "" : ", ") +
                (list[i].name ? list[i].name->text + " = " : std::string()) +
                expr(*list[i].value);
    return result;
  }

  /// A call without what is piped into it.
  std::string target(const CallExpr &call) {
    bool piped = call.piped && !call.arguments.empty();
    std::string result = call.callee.text;
    if (call.parentheses || !piped || call.arguments.size() > 1)
      result += "(" + arguments(call.arguments, piped ? 1 : 0) + ")";
    if (call.instance) {
      result += " as " + call.instance->name.text;
      if (!call.instance->indices.empty())
        result += "[" + list(call.instance->indices) + "]";
    }
    return result;
  }

  /// What stands before `[` or `.`.
  std::string base(const Expr &node) {
    const auto *call = llvm::dyn_cast<CallExpr>(&node);
    bool number = llvm::isa<IntExpr, FloatExpr>(&node);
    std::string result = expr(node, kPostfixLevel);
    return (call && call->instance && !call->piped) || number
               ? "(" + result + ")"
               : result;
  }

  std::string text(const IntExpr &node) { return node.text; }
  std::string text(const FloatExpr &node) { return node.text; }
  std::string text(const StringExpr &node) { return quote(node.value); }
  std::string text(const BoolExpr &node) {
    return node.value ? "true" : "false";
  }
  std::string text(const NoneExpr &) { return "None"; }
  std::string text(const EllipsisExpr &) { return "..."; }
  std::string text(const WildcardExpr &node) { return node.star ? "*" : "_"; }
  std::string text(const NameExpr &node) { return node.name; }
  std::string text(const UnaryExpr &node) {
    bool neg = node.op == UnaryOp::Neg;
    return (neg ? "-" : "not ") +
           expr(*node.operand, neg ? kNegLevel : kNotLevel);
  }
  std::string text(const BinaryExpr &node) {
    int level = levelOf(node.op);
    int left = level, right = level + 1;
    if (level == kCompareLevel)
      left = level + 1;
    if (level == kPowLevel) {
      left = kPostfixLevel;
      right = kNegLevel;
    }
    return expr(*node.lhs, left) + " " + spelling(node.op) + " " +
           expr(*node.rhs, right);
  }
  std::string text(const RangeExpr &node) {
    return expr(*node.first, kCompareLevel) + ".." +
           expr(*node.last, kCompareLevel);
  }
  std::string text(const CallExpr &node) {
    if (!node.piped || node.arguments.empty())
      return target(node);
    return expr(*node.arguments[0].value) + " |> " + target(node);
  }
  std::string text(const MemberExpr &node) {
    return base(*node.base) + "." + node.member.text;
  }
  std::string text(const IndexExpr &node) {
    return base(*node.base) + "[" + list(node.items) + "]";
  }
  std::string text(const SliceExpr &node) {
    return (node.start ? expr(*node.start) : "") + ":" +
           (node.stop ? expr(*node.stop) : "") +
           (node.step ? ":" + expr(*node.step) : "");
  }
  std::string text(const TupleExpr &node) {
    bool comma = node.elements.size() == 1 && !node.elements[0].name;
    return "(" + arguments(node.elements, 0) + (comma ? ",)" : ")");
  }
  std::string text(const ListExpr &node) {
    return "[" + list(node.elements) + "]";
  }
  std::string text(const ScanExpr &node) {
    std::string carries;
    for (const Carry &carry : node.carries)
      carries += (carries.empty() ? "" : ", ") + carry.name.text + " = " +
                 expr(*carry.init);
    std::string head = "scan " + targets(node.tuple, node.variables) + " in " +
                       expr(*node.source);
    if (!carries.empty())
      head += " carry (" + carries + ")";
    // The block goes through the lines' writer; take it out again.
    std::string before = std::exchange(out, std::string());
    block(head, node.body);
    std::string body = std::exchange(out, before);
    body.pop_back();
    return body.substr(2 * indent);
  }

  const File *file;
  const SourceManager *sources;
  std::string out;
  unsigned indent = 0;
  size_t nextComment = 0;
  bool separate = false; ///< an empty line comes before the next item
  bool lastWasImport = false;
};

} // namespace

std::string printSource(const File &file, const SourceManager &sources) {
  return Printer(&file, &sources).print();
}

std::string printSource(const File &file) { return Printer(&file).print(); }

std::string printSource(const Expr &expr) { return Printer().expr(expr); }

std::string printSource(const Type &type) { return Printer().type(type); }

} // namespace mlc::frontend
