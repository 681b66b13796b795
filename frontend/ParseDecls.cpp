//===- ParseDecls.cpp - Files, layers, models and blocks ------------------===//
#include "frontend/Parser.h"
#include "frontend/ParserImpl.h"

namespace mlc::frontend {

using namespace ast;

//===----------------------------------------------------------------------===//
// Tokens and errors
//===----------------------------------------------------------------------===//

std::string Parser::describe(const Token &token) const {
  if (token.kind == TokenKind::kEnd)
    return "the end of the file";
  if (token.kind == TokenKind::kString)
    return "a text";
  std::string quoted = "`" + std::string(text(token)) + "`";
  if (token.kind == TokenKind::kInt || token.kind == TokenKind::kFloat)
    return "the number " + quoted;
  return quoted;
}

DiagnosticBuilder Parser::expected(std::string_view what, Code code) {
  std::string message = "expected " + std::string(what) + ", found ";
  if (!lineEnded() || at(TokenKind::kEnd) || position == 0)
    return diagnostics.error(code, current().span,
                             message + describe(current()));
  Span last = lastSpan();
  return diagnostics.error(code, {id, last.end, last.end},
                           message + "the end of the line");
}

bool Parser::expect(TokenKind kind, std::string_view what) {
  if (accept(kind))
    return true;
  expected(what);
  return false;
}

bool Parser::expectWord(std::string_view word) {
  if (acceptWord(word))
    return true;
  expected("`" + std::string(word) + "`");
  return false;
}

bool Parser::close(TokenKind kind, const Token &open, std::string_view more) {
  if (accept(kind))
    return true;
  std::string opener = "`" + std::string(text(open)) + "`";
  if (at(TokenKind::kEnd)) {
    diagnostics.error(Code::UnclosedBracket, open.span,
                      "this " + opener + " is never closed");
    return false;
  }
  auto error = expected(more);
  error.note(open.span, "the " + opener + " is here");
  if (at(TokenKind::kAssign) && kind != TokenKind::kRightBrace)
    error.help("`==` compares; `name = value` is an argument");
  return false;
}

bool Parser::reservedName(const Token &token) const {
  for (const char *word : {"and", "or", "not", "true", "false", "None", "_"})
    if (isWord(token, word))
      return true;
  return false;
}

std::optional<Name> Parser::parseName(std::string_view what) {
  if (!at(TokenKind::kIdentifier) || (lineEnded() && position != statement)) {
    expected(what);
    return std::nullopt;
  }
  if (reservedName(current())) {
    diagnostics.error(Code::ReservedName, current().span,
                      "`" + std::string(text(current())) +
                          "` is reserved and can't be a name");
    return std::nullopt;
  }
  Token token = take();
  return Name{std::string(text(token)), token.span};
}

Parser::Nest::Nest(Parser &p) : parser(p) {
  fine = ++parser.nesting <= kMaxNesting || !parser.tooDeep(p.current().span);
}

bool Parser::tooDeep(Span span) {
  diagnostics
      .error(Code::NestedTooDeeply, span,
             "nested too deeply: more than " + std::to_string(kMaxNesting) +
                 " levels, or a chain of more than " +
                 std::to_string(kMaxDepth) + " operators")
      .help("give a part of it a name with `let`, or use `repeat`");
  return true;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

std::optional<File> Parser::parseFile() {
  File file;
  file.id = id;
  file.comments = std::move(list.comments);
  while (!at(TokenKind::kEnd)) {
    Span begin = current().span;
    DeclPtr decl = parseDecl();
    if (!decl)
      return std::nullopt;
    decl->span = from(begin);
    bool single = !llvm::isa<ImportDecl, LayerDecl>(decl.get());
    for (const DeclPtr &other : file.declarations)
      if (single && other->kind == decl->kind) {
        auto word = std::string(sources.text(begin));
        diagnostics
            .error(Code::SecondBlock, begin,
                   "a second `" + word + "` in one file")
            .note({id, other->span.begin,
                   static_cast<uint32_t>(other->span.begin + word.size())},
                  "the first is here")
            .help("a file holds at most one; join the two");
        return std::nullopt;
      }
    file.declarations.push_back(std::move(decl));
    while (accept(TokenKind::kSemicolon)) {
    }
  }
  return file;
}

DeclPtr Parser::parseDecl() {
  if (atWord("import"))
    return parseImport();
  if (atWord("layer"))
    return parseLayer();
  if (atWord("model"))
    return parseModel();
  if (atWord("data"))
    return parseData();
  if (atWord("train"))
    return parseTrain();
  if (atWord("parallel"))
    return parseParallel();
  auto error = diagnostics.error(
      Code::ExpectedDeclaration, current().span,
      "expected `import`, `layer`, `model`, `data`, `train` or `parallel`, "
      "found " +
          describe(current()));
  std::string word(text(current()));
  for (const char *keyword : {"let", "input", "output", "loss", "metric",
                              "param", "state", "repeat", "return"})
    if (word == keyword) {
      error.help("`" + word + "` stands inside a `model` or a `layer`");
      return nullptr;
    }
  if (at(TokenKind::kRightBrace))
    error.help("there is one `}` too many");
  else
    error.suggest(suggestName(
        word, {"import", "layer", "model", "data", "train", "parallel"}));
  return nullptr;
}

DeclPtr Parser::parseImport() {
  take();
  auto decl = std::make_unique<ImportDecl>();
  if (!at(TokenKind::kString) || lineEnded()) {
    expected("a file name in quotes").help("write `import \"layers.mlg\"`");
    return nullptr;
  }
  decl->pathSpan = current().span;
  decl->path = unescape(text(take()));
  if (!at(TokenKind::kSemicolon) && !lineEnded()) {
    expected("the end of the line");
    return nullptr;
  }
  return decl;
}

//===----------------------------------------------------------------------===//
// Layers and models
//===----------------------------------------------------------------------===//

bool Parser::parseParameters(std::vector<Parameter> &parameters) {
  Token open = current();
  if (!expect(TokenKind::kLeftParen, "`(`"))
    return false;
  Inside inside(brackets, brackets + 1);
  while (!at(TokenKind::kRightParen) && !at(TokenKind::kEnd)) {
    Parameter parameter;
    Span begin = current().span;
    std::optional<Name> name = parseName("a parameter's name");
    if (!name)
      return false;
    parameter.name = std::move(*name);
    if (!accept(TokenKind::kColon)) {
      expected("`:` and a type")
          .help("write `" + parameter.name.text +
                ": float[..., D]` for a tensor or `" + parameter.name.text +
                ": int` for a hyper-parameter");
      return false;
    }
    std::optional<Type> type = parseType();
    if (!type)
      return false;
    parameter.type = std::move(*type);
    if (accept(TokenKind::kAssign) && !(parameter.init = parseExpr()))
      return false;
    parameter.span = from(begin);
    parameters.push_back(std::move(parameter));
    if (!accept(TokenKind::kComma))
      break;
  }
  return close(TokenKind::kRightParen, open, "`,` or `)`") &&
         distinct(
             parameters, [](const Parameter &p) { return &p.name; },
             "the parameter");
}

bool Parser::parseResults(LayerDecl &layer) {
  if (!accept(TokenKind::kArrow)) {
    expected("`->` and the type of the result")
        .help("a layer says what it returns: `-> float[..., D]`");
    return false;
  }
  Token open = current();
  layer.tupleResult = accept(TokenKind::kLeftParen);
  Inside inside(brackets, brackets + (layer.tupleResult ? 1 : 0));
  do {
    if (layer.tupleResult && !layer.results.empty() &&
        at(TokenKind::kRightParen))
      break; // after a last comma
    inResult = true;
    std::optional<Type> type = parseType();
    inResult = false;
    if (!type)
      return false;
    layer.results.push_back(std::move(*type));
  } while (layer.tupleResult && accept(TokenKind::kComma));
  return !layer.tupleResult ||
         close(TokenKind::kRightParen, open, "`,` or `)`");
}

bool Parser::parseGradient(LayerDecl &layer) {
  Gradient gradient;
  Span begin = take().span;
  Token open = current();
  if (!expect(TokenKind::kLeftParen, "`(`"))
    return false;
  {
    Inside inside(brackets, brackets + 1);
    do {
      if (!gradient.cotangents.empty() && at(TokenKind::kRightParen))
        break;
      std::optional<Name> name = parseName("a name for the cotangent");
      if (!name)
        return false;
      gradient.cotangents.push_back(std::move(*name));
    } while (accept(TokenKind::kComma));
    if (!close(TokenKind::kRightParen, open, "`,` or `)`"))
      return false;
  }
  if (!distinct(
          gradient.cotangents, [](const Name &n) { return &n; },
          "the cotangent") ||
      !parseBlock(gradient.body))
    return false;
  gradient.span = from(begin);
  layer.gradient = std::move(gradient);
  return true;
}

DeclPtr Parser::parseLayer() {
  take();
  auto layer = std::make_unique<LayerDecl>();
  std::optional<Name> name = parseName("the layer's name");
  if (!name)
    return nullptr;
  layer->name = std::move(*name);
  if (!parseParameters(layer->parameters) || !parseResults(*layer) ||
      !parseBlock(layer->body))
    return nullptr;
  if (atWord("gradient") && !parseGradient(*layer))
    return nullptr;
  return layer;
}

DeclPtr Parser::parseModel() {
  take();
  auto model = std::make_unique<ModelDecl>();
  std::optional<Name> name = parseName("the model's name");
  if (!name)
    return nullptr;
  model->name = std::move(*name);
  if (at(TokenKind::kLeftParen) && !parseParameters(model->parameters))
    return nullptr;
  return parseBlock(model->body) ? std::move(model) : nullptr;
}

//===----------------------------------------------------------------------===//
// Blocks of settings
//===----------------------------------------------------------------------===//

template <class Entry> bool Parser::parseEntries(Entry entry) {
  Token open = current();
  if (!expect(TokenKind::kLeftBrace, "`{`"))
    return false;
  Nest nest(*this);
  if (!nest)
    return false;
  Inside inside(brackets, 0);
  while (!at(TokenKind::kRightBrace) && !at(TokenKind::kEnd)) {
    if (accept(TokenKind::kSemicolon))
      continue;
    statement = position;
    if (!entry() || !endStatement())
      return false;
  }
  return close(TokenKind::kRightBrace, open, "`}`");
}

bool Parser::parseSetting(std::vector<Setting> &settings,
                          std::string_view what) {
  Setting setting;
  std::optional<Name> name = parseName(what);
  if (!name)
    return false;
  setting.name = std::move(*name);
  if (!accept(TokenKind::kAssign)) {
    auto error = expected("`=` and a value");
    if (at(TokenKind::kColon) || at(TokenKind::kLeftBrace))
      error.help("write `" + setting.name.text + " = ...`");
    return false;
  }
  if (!(setting.value = parseExpr()))
    return false;
  setting.span = from(setting.name.span);
  settings.push_back(std::move(setting));
  return distinct(
      settings, [](const Setting &s) { return &s.name; }, "the field");
}

DeclPtr Parser::parseData() {
  take();
  auto data = std::make_unique<DataDecl>();
  bool fine = parseEntries(
      [&] { return parseSetting(data->splits, "the name of a split"); });
  return fine ? std::move(data) : nullptr;
}

bool Parser::parseGroup(std::vector<Group> &groups) {
  Group group;
  Span begin = take().span;
  group.patternSpan = current().span;
  group.pattern = unescape(text(take()));
  if (!parseEntries(
          [&] { return parseSetting(group.settings, "the name of a field"); }))
    return false;
  group.span = from(begin);
  groups.push_back(std::move(group));
  return true;
}

DeclPtr Parser::parseTrain() {
  take();
  auto train = std::make_unique<TrainDecl>();
  bool fine = parseEntries([&] {
    if (atWord("group") && ahead().kind == TokenKind::kString)
      return parseGroup(train->groups);
    if (atWord("group") && ahead().kind != TokenKind::kAssign) {
      take();
      expected("a pattern in quotes")
          .help("write `group \"*.b\" { weight_decay = 0 }`");
      return false;
    }
    return parseSetting(train->settings, "the name of a field");
  });
  return fine ? std::move(train) : nullptr;
}

bool Parser::parseShard(std::vector<Shard> &shards) {
  Shard shard;
  Span begin = take().span;
  if (!(shard.path = parsePostfix()))
    return false;
  for (const Expr *step = shard.path.get(); step->kind != ExprKind::Name;) {
    if (const auto *member = llvm::dyn_cast<MemberExpr>(step)) {
      step = member->base.get();
    } else if (const auto *index = llvm::dyn_cast<IndexExpr>(step)) {
      step = index->base.get();
    } else {
      diagnostics
          .error(Code::NotAPath, step->span, "`shard` needs a parameter's path")
          .help("a path is written as in `h[3].attn.proj.w`");
      return false;
    }
  }
  if (!expect(TokenKind::kAssign, "`=` and a list of axes"))
    return false;
  if (!at(TokenKind::kLeftBracket)) {
    expected("a list of axes")
        .help("one axis or `_` per dimension: `[_, model]`");
    return false;
  }
  if (!(shard.axes = parseList()))
    return false;
  shard.span = from(begin);
  shards.push_back(std::move(shard));
  return true;
}

bool Parser::parsePipeline(std::optional<Pipeline> &pipeline) {
  Span begin = current().span;
  if (pipeline) {
    diagnostics
        .error(Code::SecondBlock, begin, "a second `pipeline` in one block")
        .note(pipeline->span, "the first is here")
        .help("keep one of the two");
    return false;
  }
  take();
  pipeline.emplace();
  if (!parseEntries([&] {
        return parseSetting(pipeline->settings, "the name of a field");
      }))
    return false;
  pipeline->span = from(begin);
  return true;
}

DeclPtr Parser::parseParallel() {
  take();
  auto parallel = std::make_unique<ParallelDecl>();
  inParallel = true;
  bool fine = parseEntries([&] {
    if (atKeyword("shard"))
      return parseShard(parallel->shards);
    if (atWord("pipeline") && ahead().kind == TokenKind::kLeftBrace)
      return parsePipeline(parallel->pipeline);
    return parseSetting(parallel->settings, "the name of a field");
  });
  inParallel = false;
  return fine ? std::move(parallel) : nullptr;
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

std::optional<File> parse(const SourceManager &sources, FileId id,
                          DiagnosticEngine &diagnostics) {
  std::optional<TokenList> tokens = lex(sources, id, diagnostics);
  if (!tokens)
    return std::nullopt;
  return Parser(sources, id, std::move(*tokens), diagnostics).parseFile();
}

ExprPtr parseExpression(const SourceManager &sources, FileId id,
                        DiagnosticEngine &diagnostics) {
  std::optional<TokenList> tokens = lex(sources, id, diagnostics);
  if (!tokens)
    return nullptr;
  return Parser(sources, id, std::move(*tokens), diagnostics)
      .parseWholeExpression();
}

} // namespace mlc::frontend
