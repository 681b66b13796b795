//===- BlocksData.cpp - The data and parallel blocks ----------------------===//

#include "frontend/Blocks.h"

#include <algorithm>

namespace mlc::frontend {

const InputInfo *BlockChecker::findInput(const ast::Name &name) {
  std::vector<std::string> names;
  for (const InputInfo &input : context.model.inputs) {
    if (input.name == name.text)
      return &input;
    names.push_back(input.name);
  }
  context
      .error(Code::UnknownColumn, name.span,
             "the model has no input named `" + name.text + "`")
      .suggest(suggestName(name.text, names));
  return nullptr;
}

bool BlockChecker::range(const ast::Expr &expr, const char *what,
                         int64_t &first, int64_t &last) {
  Value value = model.evalInModel(expr);
  if (value.isPoison())
    return false;
  constexpr int64_t kMost = int64_t{1} << 53;
  if (value.is(Value::Kind::Int) && value.integer >= 0 &&
      value.integer < kMost) {
    first = value.integer;
    last = first + 1;
    return true;
  }
  if (value.is(Value::Kind::Range) && value.elements[0].is(Value::Kind::Int) &&
      value.elements[1].is(Value::Kind::Int)) {
    first = value.elements[0].integer;
    last = value.elements[1].integer;
    if (first >= 0 && first < last && last <= kMost)
      return true;
  }
  context.error(Code::BadRange, expr.span,
                "`" + std::string(what) +
                    "` takes a range such as `0..64`, half-open, not empty "
                    "and within 2^53");
  return false;
}

bool BlockChecker::checkWidth(const InputInfo &input, int64_t first,
                              int64_t last, Span span) {
  int64_t width =
      elementCount(input.type.shape, 1, input.type.shape.size()).value_or(0);
  if (width == last - first)
    return true;
  context
      .error(Code::ColumnWidth, span,
             "`" + input.name + "` is a `" + spell(input.type) + "`, " +
                 std::to_string(width) + " numbers a row, and these are " +
                 std::to_string(last - first) + " columns")
      .note(input.span, "the input is here")
      .help("`" + std::to_string(first) + ".." + std::to_string(first + width) +
            "` has that many");
  return false;
}

void BlockChecker::checkAllBound(const SplitInfo &split, Span span) {
  for (const InputInfo &input : context.model.inputs) {
    bool bound = false;
    for (const ColumnInfo &column : split.columns)
      bound |= column.input == input.name;
    if (!bound && !context.failed())
      context
          .error(Code::MissingColumn, span,
                 "the split `" + split.name + "` says nothing of the input `" +
                     input.name + "`")
          .note(input.span, "the input is here");
  }
}

bool BlockChecker::fractions(const ast::Expr &expr, double &first,
                             double &last) {
  Value value = model.evalInModel(expr);
  if (value.isPoison())
    return false;
  if (value.is(Value::Kind::Range) && value.elements[0].isNumber() &&
      value.elements[1].isNumber()) {
    first = value.elements[0].asDouble();
    last = value.elements[1].asDouble();
    if (first >= 0 && first < last && last <= 1)
      return true;
  }
  context.error(Code::BadRange, expr.span,
                "`part` takes a range of fractions of the file such as "
                "`0.0..0.9`, half-open, not empty and within `0.0..1.0`");
  return false;
}

void BlockChecker::checkFlag(const ast::Argument &argument, bool &flag) {
  Value value = model.evalInModel(*argument.value);
  if (!value.is(Value::Kind::Bool) && !value.isPoison())
    context.error(Code::WrongFieldValue, argument.value->span,
                  "`" + argument.name->text + "` is `true` or `false`");
  flag = value.truth;
}

void BlockChecker::checkColumns(const ast::CallExpr &call, SplitInfo &split) {
  const ast::Expr *columns = nullptr;
  const std::string &reader = split.reader;
  std::vector<std::string> names = {"columns", "shuffle"};
  if (reader == "csv")
    names.insert(names.end(), {"rows", "header"});
  else
    names.insert(names.end(), {"part", reader == "text" ? "bytes" : "dtype"});
  std::map<std::string, Span> given;
  for (size_t i = 0; i < call.arguments.size() && !context.failed(); ++i) {
    const ast::Argument &argument = call.arguments[i];
    if (!argument.name) {
      const auto *file = llvm::dyn_cast<ast::StringExpr>(argument.value.get());
      if (!file || i != 0)
        context.error(Code::WrongFieldValue, argument.span,
                      "`" + reader +
                          "` takes the name of one file, then named arguments");
      else
        split.file = file->value;
      continue;
    }
    const std::string &name = argument.name->text;
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      auto error = context.error(Code::UnknownArgument, argument.name->span,
                                 "`" + reader + "` has no parameter named `" +
                                     name + "`");
      offer(error, name, names);
      return;
    }
    if (!isFirst(argument, name, given))
      return;
    if (name == "columns")
      columns = argument.value.get();
    else if (name == "rows")
      range(*argument.value, "rows", split.firstRow, split.lastRow);
    else if (name == "part")
      fractions(*argument.value, split.partFirst, split.partLast);
    else if (name == "dtype")
      split.element =
          word(*argument.value, "dtype", {"u8", "u16", "i32", "u32", "i64"})
              .value_or("");
    else
      checkFlag(argument, name == "header"  ? split.header
                          : name == "bytes" ? split.bytes
                                            : split.shuffle);
  }
  if (!context.failed() && reader == "bin" && !given.count("dtype")) {
    context
        .error(Code::WrongFieldValue, call.callee.span,
               "`bin` needs the type of its tokens")
        .help("write `dtype = u16`, or u8, i32, u32, i64");
    return;
  }
  if (context.failed())
    return;
  const auto *tuple =
      columns ? llvm::dyn_cast<ast::TupleExpr>(columns) : nullptr;
  if (!tuple || split.file.empty()) {
    context.error(Code::WrongFieldValue, columns ? columns->span : call.span,
                  split.file.empty()
                      ? "`" + reader + "` needs the name of a file"
                      : "`" + reader +
                            "` needs `columns = (input = 0..64, ...)`");
    return;
  }
  for (const ast::Argument &element : tuple->elements) {
    if (!element.name) {
      context.error(Code::WrongFieldValue, element.span,
                    "a column is bound to an input: `input = 0..64`");
      return;
    }
    const InputInfo *input = findInput(*element.name);
    ColumnInfo column;
    column.input = element.name->text;
    if (input && reader != "csv" && !isInteger(input->type.dtype)) {
      context
          .error(Code::WrongElementType, element.span,
                 "`" + reader + "` gives integers, and `" + input->name +
                     "` is a `" + spell(input->type) + "`")
          .note(input->span, "the input is here");
      return;
    }
    if (!input ||
        !range(*element.value, "columns", column.first, column.last) ||
        !checkWidth(*input, column.first, column.last, element.value->span))
      return;
    split.columns.push_back(std::move(column));
  }
  checkAllBound(split, columns->span);
}

const std::vector<std::string> &BlockChecker::readerNames() {
  static const std::vector<std::string> kReaders = {"csv", "idx", "text",
                                                    "bin"};
  return kReaders;
}

void BlockChecker::checkSplit(const ast::Setting &setting) {
  const auto *call = llvm::dyn_cast<ast::CallExpr>(setting.value.get());
  const std::vector<std::string> &readers = readerNames();
  SplitInfo split;
  split.name = setting.name.text;
  split.span = setting.span;
  for (const SplitInfo &other : context.model.splits)
    if (other.name == split.name)
      context
          .error(Code::DuplicateName, setting.name.span,
                 "two splits are named `" + split.name + "`")
          .note(other.span, "the first is here");
  if (context.failed())
    return;
  split.reader = call ? call->callee.text : "";
  if (std::find(readers.begin(), readers.end(), split.reader) ==
      readers.end()) {
    auto error = context.error(
        Code::UnknownReader, call ? call->callee.span : setting.value->span,
        call ? "no reader named `" + split.reader + "`"
             : "a split is read by a reader: `csv(...)`, `idx(...)`");
    if (call)
      offer(error, split.reader, readers);
    return;
  }
  if (split.reader != "idx") {
    checkColumns(*call, split);
  } else {
    for (const ast::Argument &argument : call->arguments) {
      const auto *file = llvm::dyn_cast<ast::StringExpr>(argument.value.get());
      if (argument.name && argument.name->text == "shuffle") {
        split.shuffle = model.evalInModel(*argument.value).truth;
        continue;
      }
      if (argument.name && argument.name->text == "rows") {
        range(*argument.value, "rows", split.firstRow, split.lastRow);
        continue;
      }
      if (!argument.name || !file) {
        context.error(Code::WrongFieldValue, argument.span,
                      "`idx` binds an input to a file: `image = \"...\"`");
        return;
      }
      if (!findInput(*argument.name))
        return;
      split.columns.push_back({argument.name->text, file->value, 0, 0});
    }
    checkAllBound(split, call->callee.span);
  }
  if (!context.failed())
    context.model.splits.push_back(std::move(split));
}

void BlockChecker::checkData(const ast::DataDecl *data) {
  if (!data)
    return;
  for (const ast::Setting &setting : data->splits)
    if (!context.failed())
      checkSplit(setting);
}

void BlockChecker::checkParallel(const ast::ParallelDecl *parallel,
                                 const std::optional<std::string> &) {
  std::vector<AxisInfo> &mesh = context.model.mesh;
  if (!parallel)
    return;
  for (const ast::Setting &setting : parallel->settings) {
    if (setting.name.text != "mesh" && setting.name.text != "zero")
      context
          .error(Code::UnknownField, setting.name.span,
                 "`parallel` has no field named `" + setting.name.text + "`")
          .suggest(suggestName(setting.name.text, {"mesh", "zero"}));
    if (setting.name.text == "zero") {
      auto level = whole(*setting.value, "zero", 0);
      if (level && *level > 0)
        context.notYet(setting.span, "`zero`");
    }
    if (context.failed())
      return;
  }
  std::vector<std::string> names;
  for (const AxisInfo &axis : mesh)
    names.push_back(axis.name);
  for (const ast::Shard &shard : parallel->shards) {
    const auto *axes = llvm::dyn_cast<ast::ListExpr>(shard.axes.get());
    for (size_t i = 0; axes && i < axes->elements.size(); ++i) {
      const auto *name = llvm::dyn_cast<ast::NameExpr>(axes->elements[i].get());
      if (name &&
          std::find(names.begin(), names.end(), name->name) == names.end()) {
        context
            .error(Code::UnknownAxis, name->span,
                   "the mesh has no axis named `" + name->name + "`")
            .suggest(suggestName(name->name, names));
        return;
      }
    }
    context.notYet(shard.span, "`shard`");
  }
  if (parallel->pipeline)
    context.notYet(parallel->pipeline->span, "`pipeline`");
}

} // namespace mlc::frontend
