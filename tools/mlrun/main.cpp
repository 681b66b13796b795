//===- main.cpp - mlrun, the runner's command line ------------------------===//

#include "runtime/core/File.h"
#include "runtime/core/Log.h"
#include "runtime/core/Suggest.h"
#include "runtime/run/Commands.h"
#include "tools/mlrun/CommandLine.h"

#include <csignal>
#include <filesystem>

using namespace mlrt;

namespace {

constexpr const char *kCommands[] = {"train", "eval",  "infer",
                                     "init",  "bench", "inspect"};

constexpr const char *kFooter =
    R"(Examples:
  mlrun digits.plan                      trains, or infers if it can't train
  mlrun train digits.plan -n 4 --log log.jsonl -o digits.safetensors
  mlrun eval  digits.plan --weights digits.safetensors
  mlrun infer digits.plan --weights digits.safetensors \
      --input pixels=@x.npy --output logits=@y.npy

mlrun COMMAND --help lists a command's options.
Exit codes: 0 done, 1 the run failed, 2 the command line is wrong, 3 data,
weights, checkpoint or plan damaged, 4 device missing, 5 a peer failed, 70 a bug
of mlrun, 130 and 143 interrupted.)";

/// NAME=@FILE of --input and --output.
using Pairs = std::vector<std::pair<std::string, std::string>>;

Status splitPairs(const char *flag, const std::vector<std::string> &given,
                  Pairs &pairs) {
  for (const std::string &each : given) {
    size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 2 > each.size())
      return {StatusCode::kInvalidArgument,
              std::string(flag) + " " + each + ": give NAME=@FILE.npy"};
    pairs.emplace_back(each.substr(0, equals), each.substr(equals + 1));
  }
  return {};
}

int fail(const Status &status, int code) {
  logError(status.message());
  return code;
}

int printed(const std::string &text) {
  Status status = printOutput(text);
  return status.ok() ? 0 : fail(status, exitCode(status.code()));
}

int usageError(const std::string &message) {
  return fail({StatusCode::kInvalidArgument,
               message + " (mlrun --help lists the commands)"},
              2);
}

/// Flags of `command`, for suggestions.
std::vector<std::string> flagsOf(const CLI::App *command) {
  std::vector<std::string> flags;
  for (const CLI::Option *option : command->get_options()) {
    for (const std::string &name : option->get_lnames())
      flags.push_back("--" + name);
    for (const std::string &name : option->get_snames())
      flags.push_back("-" + name);
  }
  return flags;
}

int parseFailed(CLI::App &app, const CLI::ParseError &error) {
  const CLI::App *command = &app;
  if (!app.get_subcommands().empty())
    command = app.get_subcommands().front();
  if (dynamic_cast<const CLI::CallForHelp *>(&error) ||
      dynamic_cast<const CLI::CallForAllHelp *>(&error)) {
    std::string text =
        command == &app ? app.help() : command->help(app.get_name());
    return printed(text);
  }
  if (dynamic_cast<const CLI::CallForVersion *>(&error)) {
    return printed("mlrun " MLC_VERSION " (" MLC_BUILD_TYPE ", plan format " +
                   std::to_string(kPlanVersionMajor) +
                   ".0, +gloo +zlib -cuda -nccl)\n");
  }
  if (dynamic_cast<const CLI::ExtrasError *>(&error)) {
    std::vector<std::string> extras = command->remaining();
    if (extras.empty())
      extras = app.remaining();
    std::string word = extras.empty() ? "" : extras.front();
    word = word.substr(0, word.find('='));
    return usageError(
        (word.starts_with('-') ? "unknown option '" : "unexpected argument '") +
        word + "'" + didYouMean(word, flagsOf(command)));
  }
  // "--log: At Most 1 required but received 2", "--log: 1 required TEXT
  // missing"
  std::string what = error.what();
  std::string option = what.substr(0, what.find(':'));
  if (what.find(": At Most 1 required") != std::string::npos)
    what = option + " is given more than once";
  else if (dynamic_cast<const CLI::ArgumentMismatch *>(&error))
    what = option + " needs a value";
  else if (dynamic_cast<const CLI::RequiredError *>(&error) && command == &app)
    what = "no command";
  return usageError(what);
}

/// `mlrun PLAN` trains if the plan trains, else infers.
std::string commandFor(const std::string &path) {
  Result<Plan> plan = Plan::load(path);
  return plan.ok() && !plan->program("train") && plan->program("infer")
             ? "infer"
             : "train";
}

int runCommand(const std::string &name, const RunOptions &options) {
  CommandResult (*command)(const RunOptions &) =
      name == "train"   ? trainCommand
      : name == "eval"  ? evalCommand
      : name == "infer" ? inferCommand
      : name == "init"  ? initCommand
      : name == "bench" ? benchCommand
                        : inspectCommand;
  CommandResult result = command(options);
  if (result.exitCode != 0 || !result.status.ok())
    return fail(result.status, result.exitCode);
  return 0;
}

int runMain(std::vector<std::string> arguments) {
  CommandLine line;
  RunOptions &options = line.options;
  CLI::App app("mlrun executes a plan that mlc compiled.", "mlrun");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string());
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("-q,--quiet", options.quiet, "No progress");
  app.add_flag("-v,--verbose", options.verbose, "Say how ranks were found");
  addCommands(app, line);

  if (arguments.empty())
    return exitCode(printOutput(app.help()).code()) ? 1 : 2;
  // The command, or a plan: what comes before takes no value.
  auto named =
      std::find_if(arguments.begin(), arguments.end(),
                   [](const std::string &each) { return each[0] != '-'; });
  const std::string first = named == arguments.end() ? "-" : *named;
  std::vector<std::string> commands(std::begin(kCommands), std::end(kCommands));
  bool isCommand =
      std::find(commands.begin(), commands.end(), first) != commands.end();
  if (!first.starts_with('-') && !isCommand) {
    std::error_code error;
    bool isFile = std::filesystem::is_regular_file(first, error);
    if (!isFile && !first.ends_with(".plan"))
      return usageError("unknown command '" + first + "'" +
                        didYouMean(first, commands));
    arguments.insert(named, commandFor(first));
  }
  std::reverse(arguments.begin(), arguments.end()); // as CLI11 takes them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError &error) {
    return parseFailed(app, error);
  }
  if (Status status = splitPairs("--input", line.inputs, options.inputs);
      !status.ok())
    return fail(status, 2);
  if (Status status = splitPairs("--output", line.outputs, options.outputs);
      !status.ok())
    return fail(status, 2);
  return runCommand(app.get_subcommands().front()->get_name(), options);
}

} // namespace

int main(int argc, char **argv) {
  if (!holdStandardStreams())
    return 1;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // the write says so
  std::signal(SIGCHLD, SIG_DFL); // may be inherited as ignored
  try {
    return runMain({argv + 1, argv + argc});
  } catch (const std::bad_alloc &) {
    return fail({StatusCode::kRunFailed, "out of memory"}, 1);
  } catch (const std::exception &error) {
    return fail({StatusCode::kInternal,
                 std::string("internal error: ") + error.what() +
                     "; please report it with the command line and the plan"},
                70);
  }
}
