//===- Options.cpp - The command line of mlc ------------------------------===//
//
// A parser of its own: LLVM's options stay out of the way, an unknown option is
// an error with a suggestion, and every message says what to write.
//
//===----------------------------------------------------------------------===//

#include "tools/mlc/Options.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

#include <functional>

namespace mlc::driver {

static constexpr const char *kPhases[] = {"ast",     "graph", "grad",
                                          "dist",    "local", "schedule",
                                          "kernels", "plan",  "llvm"};

const char *toString(Phase phase) { return kPhases[static_cast<int>(phase)]; }

const char *helpText() {
  return R"(Usage: mlc MODEL.mlg [-o OUT.plan] [options]

Compiles a model file into a plan: the whole training or inference program.

  -o FILE                 where the plan goes; MODEL.plan if not given
  --mesh data=2           sizes of the mesh's axes; data=* leaves it to mlrun
  --set NAME=VALUE        sets a hyper-parameter or a field such as train.batch
  --target cpu            what to compile for: cpu
  --mcpu NAME             native (default), x86-64-v3, x86-64-v4, or any x86-64
                          processor that LLVM knows
  --emit PHASE            prints a phase: ast graph grad dist local schedule
                          kernels plan llvm
  --compile-from PHASE    goes on from a phase that --emit printed
  --interpret STEPS       trains with the reference interpreter; prints one line
                          a step: `step 1, epoch 1: loss 2.31, accuracy 0.125`
  --data DIR              where its data lies; the model's folder if not given
  --check-gradients       compares gradients with central differences in f64
  --report WHAT           memory, comm, time or all; --json for programs
  --report-html FILE      the same as a page that needs nothing else
  --explain VALUE         what a value is and how it lies over the devices
  --explain-code E0203    the long form of an error
  --format                prints the model in the one style; --in-place (-i)
                          rewrites it, --check only says whether it differs
  --fusion WHAT           none, elementwise or all (default)
  --reuse on|off          let buffers share memory (default on)
  --help, --version

MODEL `-` is standard input.

Examples:
  mlc digits.mlg && mlrun digits.plan
  mlc digits.mlg --set train.microbatch=8 --mesh 'data=*' -o d.plan
  mlc digits.mlg --report memory
  mlc digits.mlg --emit local > d.mlir
  mlc d.mlir --compile-from local -o d.plan

Exit codes: 0 done, 1 the model is wrong or a file cannot be written, 2 the
command line is wrong, 3 the data of --interpret is missing or damaged, 4 the
target is not there, 70 a bug of mlc.
)";
}

namespace {

struct Parser {
  Options options;
  std::string &error;

  bool fail(const std::string &message) {
    error = message;
    return false;
  }

  /// One of the listed words, or an error that lists them.
  bool word(llvm::StringRef flag, llvm::StringRef value,
            llvm::ArrayRef<const char *> words, std::string &to) {
    for (const char *known : words)
      if (value == known) {
        to = value.str();
        return true;
      }
    std::string list;
    for (const char *known : words)
      list += (list.empty() ? "" : ", ") + std::string(known);
    return fail("--" + flag.str() + " " + value.str() + ": it is one of " +
                list);
  }

  bool phase(llvm::StringRef flag, llvm::StringRef value, bool llvm,
             std::optional<Phase> &to) {
    std::string name;
    if (!word(flag, value, llvm::ArrayRef(kPhases).drop_back(llvm ? 0 : 1),
              name))
      return false;
    for (int i = 0; i < static_cast<int>(std::size(kPhases)); ++i)
      if (name == kPhases[i])
        to = static_cast<Phase>(i);
    return true;
  }

  bool set(llvm::StringRef value) {
    auto [name, text] = value.split('=');
    if (name.empty() || name.size() == value.size())
      return fail("--set " + value.str() +
                  ": write NAME=VALUE, as in --set train.batch=64");
    options.overrides.emplace_back(name.str(), text.str());
    return true;
  }

  bool steps(llvm::StringRef value) {
    long long count = 0;
    if (value.getAsInteger(10, count) || count < 0)
      return fail("--interpret " + value.str() +
                  ": write how many steps, as in --interpret 10");
    options.interpretSteps = count;
    return true;
  }
};

struct Flag {
  const char *name;
  bool takesValue;
  std::function<bool(Parser &, llvm::StringRef)> apply;
};

bool store(std::string &to, llvm::StringRef value) {
  to = value.str();
  return true;
}

/// cuda:sm_90a,sm_100
bool isCudaWithModels(llvm::StringRef value) {
  if (!value.consume_front("cuda:"))
    return false;
  llvm::SmallVector<llvm::StringRef> models;
  value.split(models, ',');
  return llvm::all_of(models, [](llvm::StringRef model) {
    unsigned number = 0;
    bool named = model.consume_front("sm_") &&
                 !model.consumeInteger(10, number) && number > 0;
    return named && (model.empty() || model == "a" || model == "f");
  });
}

const std::vector<Flag> &flags() {
  using S = llvm::StringRef;
  static const std::vector<Flag> all = {
      {"o", true, [](Parser &p, S v) { return store(p.options.output, v); }},
      {"mesh", true,
       [](Parser &p, S v) {
         p.options.mesh = v.str();
         return true;
       }},
      {"set", true, [](Parser &p, S v) { return p.set(v); }},
      {"target", true,
       [](Parser &p, S v) {
         if (v == "cpu" || v == "cuda" || isCudaWithModels(v))
           return store(p.options.target, v);
         return p.fail("--target " + v.str() +
                       ": it is cpu or cuda, or cuda:sm_90a,sm_100 to name "
                       "what to compile for");
       }},
      {"mcpu", true, [](Parser &p, S v) { return store(p.options.cpu, v); }},
      {"emit", true,
       [](Parser &p, S v) { return p.phase("emit", v, true, p.options.emit); }},
      {"compile-from", true,
       [](Parser &p, S v) {
         return p.phase("compile-from", v, false, p.options.compileFrom);
       }},
      {"interpret", true, [](Parser &p, S v) { return p.steps(v); }},
      {"data", true, [](Parser &p, S v) { return store(p.options.data, v); }},
      {"check-gradients", false,
       [](Parser &p, S) { return p.options.checkGradients = true; }},
      {"format", false, [](Parser &p, S) { return p.options.format = true; }},
      {"in-place", false,
       [](Parser &p, S) { return p.options.inPlace = true; }},
      {"check", false, [](Parser &p, S) { return p.options.check = true; }},
      {"report", true,
       [](Parser &p, S v) {
         return p.word("report", v, {"memory", "comm", "time", "all"},
                       p.options.report);
       }},
      {"json", false, [](Parser &p, S) { return p.options.json = true; }},
      {"report-html", true,
       [](Parser &p, S v) { return store(p.options.reportHtml, v); }},
      {"explain", true,
       [](Parser &p, S v) { return store(p.options.explain, v); }},
      {"explain-code", true,
       [](Parser &p, S v) { return store(p.options.explainCode, v); }},
      {"fusion", true,
       [](Parser &p, S v) {
         return p.word("fusion", v, {"none", "elementwise", "all"},
                       p.options.fusion);
       }},
      {"reuse", true,
       [](Parser &p, S v) {
         std::string word;
         if (!p.word("reuse", v, {"on", "off"}, word))
           return false;
         p.options.reuse = word == "on";
         return true;
       }},
      {"help", false, [](Parser &p, S) { return p.options.help = true; }},
      {"version", false, [](Parser &p, S) { return p.options.version = true; }},
  };
  return all;
}

std::string unknown(llvm::StringRef name) {
  const Flag *nearest = nullptr;
  unsigned best = 4;
  for (const Flag &flag : flags())
    if (unsigned d = name.edit_distance(flag.name); d < best)
      best = d, nearest = &flag;
  std::string text = "unknown option --" + name.str();
  if (nearest && best < name.size())
    text += "; did you mean " +
            std::string(nearest->name == llvm::StringRef("o") ? "-" : "--") +
            nearest->name + "?";
  return text;
}

/// Flags that end without a plan exclude each other and what is about the plan.
bool checkModes(const Options &options, std::string &error) {
  struct Mode {
    bool given;
    const char *flag, *what;
  };
  const Mode modes[] = {
      {options.interpretSteps.has_value(), "--interpret", "each step"},
      {options.checkGradients, "--check-gradients", "what it finds"},
      {options.format && options.inPlace, "--format", "nothing"},
      {options.format && !options.inPlace, "--format", "the text"},
      {options.emit.has_value(), "--emit", "a phase"}};
  const char *aboutPlan = !options.report.empty()       ? "--report"
                          : !options.reportHtml.empty() ? "--report-html"
                          : !options.explain.empty()    ? "--explain"
                          : !options.output.empty()     ? "-o"
                                                        : nullptr;
  const Mode *chosen = nullptr;
  for (const Mode &mode : modes) {
    if (!mode.given)
      continue;
    if (chosen) {
      error = std::string(chosen->flag) + " and " + mode.flag +
              " exclude each other";
      return false;
    }
    chosen = &mode;
  }
  if (!chosen || !aboutPlan)
    return true;
  error = std::string(aboutPlan) + " and " + chosen->flag +
          " exclude each other: " + chosen->flag + " prints " + chosen->what +
          " and ends";
  return false;
}

/// Formatting looks at the text alone.
bool checkFormat(const Options &options, std::string &error) {
  const char *needsFormat = options.inPlace ? "--in-place"
                            : options.check ? "--check"
                                            : nullptr;
  if (!options.format) {
    if (needsFormat)
      error = std::string(needsFormat) + " goes with --format";
    return !needsFormat;
  }
  if (options.inPlace && options.check) {
    error = "--in-place and --check exclude each other";
    return false;
  }
  if (options.inPlace && options.input == "-") {
    error = "--in-place rewrites a file, and - is standard input";
    return false;
  }
  const char *aboutModel = options.compileFrom          ? "--compile-from"
                           : !options.overrides.empty() ? "--set"
                           : options.mesh               ? "--mesh"
                                                        : nullptr;
  if (!aboutModel)
    return true;
  error = std::string(aboutModel) + " and --format exclude each other: the "
                                    "text is not compiled";
  return false;
}

} // namespace

std::optional<Options> parseOptions(int argc, char **argv, std::string &error) {
  Parser parser{{}, error};
  bool onlyFiles = false;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef arg = argv[i];
    if (!onlyFiles && arg == "--") {
      onlyFiles = true;
      continue;
    }
    if (onlyFiles || arg == "-" || !arg.starts_with("-")) {
      if (!parser.options.input.empty()) {
        error = "one model at a time: " + parser.options.input + " and " +
                arg.str();
        return std::nullopt;
      }
      parser.options.input = arg.str();
      continue;
    }
    auto [name, value] = arg.ltrim('-').split('=');
    bool joined = arg.contains('=');
    if (name == "h")
      name = "help";
    if (name == "i")
      name = "in-place";
    const Flag *flag = nullptr;
    for (const Flag &known : flags())
      if (name == known.name)
        flag = &known;
    if (!flag) {
      error = unknown(name);
      return std::nullopt;
    }
    if (!flag->takesValue && joined) {
      error = "--" + name.str() + " takes no value";
      return std::nullopt;
    }
    if (flag->takesValue && !joined) {
      if (i + 1 == argc) {
        error = (name == "o" ? "-" : "--") + name.str() + " needs a value";
        return std::nullopt;
      }
      value = argv[++i];
    }
    if (!flag->apply(parser, value))
      return std::nullopt;
  }
  const Options &options = parser.options;
  if (options.help || options.version || !options.explainCode.empty())
    return options;
  if (options.input.empty()) {
    error = "no model file; write mlc MODEL.mlg, or mlc --help";
    return std::nullopt;
  }
  if (options.compileFrom && *options.compileFrom != Phase::Ast &&
      (!options.overrides.empty() || options.mesh)) {
    error = std::string(options.mesh ? "--mesh" : "--set") +
            " changes a model file; the text of the phase " +
            toString(*options.compileFrom) + " has its values already";
    return std::nullopt;
  }
  if (options.emit && options.compileFrom &&
      *options.emit < *options.compileFrom) {
    error = std::string("--emit ") + toString(*options.emit) +
            " comes before --compile-from " + toString(*options.compileFrom);
    return std::nullopt;
  }
  if (!options.data.empty() && !options.interpretSteps) {
    error = "--data goes with --interpret";
    return std::nullopt;
  }
  if (!checkModes(options, error) || !checkFormat(options, error))
    return std::nullopt;
  if (options.json && options.report.empty()) {
    error = "--json goes with --report";
    return std::nullopt;
  }
  return options;
}

} // namespace mlc::driver
