//===- main.cpp - mlrun, the runner's command line ------------------------===//

#include "runtime/core/Log.h"
#include "runtime/core/Suggest.h"
#include "runtime/run/Commands.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <filesystem>

using namespace mlrt;

namespace {

constexpr const char *kCommands[] = {"train", "eval",  "infer",
                                     "init",  "bench", "inspect"};

constexpr const char *kFooter =
    R"(Examples:
  mlrun digits.plan                                  train as the model says
  mlrun train digits.plan -n 4 --log log.jsonl -o digits.safetensors
  mlrun eval  digits.plan --weights digits.safetensors
  mlrun infer digits.plan --weights digits.safetensors --input pixels=@x.npy --output logits=@y.npy

mlrun COMMAND --help lists a command's options.
Exit codes: 0 done, 1 run failed, 2 command line, 3 damaged input, 4 device, 5 a peer failed, 70 internal.)";

/// NAME=@FILE of --input and --output.
using Pairs = std::vector<std::pair<std::string, std::string>>;

void addPlan(CLI::App *command, RunOptions &options) {
  command->add_option("plan", options.plan, "The plan that mlc wrote")
      ->required()
      ->type_name("PLAN");
}

void addData(CLI::App *command, RunOptions &options) {
  command
      ->add_option("--data", options.data,
                   "Folder of the data files (default: the plan's)")
      ->type_name("DIR");
  command
      ->add_option("--cache", options.cache,
                   "Folder of decoded data (default: ~/.cache/mlrun)")
      ->type_name("DIR");
}

void addRanks(CLI::App *command, RunOptions &options) {
  command
      ->add_option("-n", options.ranks,
                   "Devices (default: the size of the plan's mesh)")
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
  command->add_option("--comm", options.comm, "threads, shm, gloo or nccl")
      ->check(CLI::IsMember({"threads", "shm", "gloo", "nccl"}))
      ->type_name("KIND");
  command
      ->add_option("--timeout", options.timeoutSeconds,
                   "Longest silence of a peer (default: 30)")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
}

void addDevice(CLI::App *command, RunOptions &options) {
  command
      ->add_option("--device", options.device, "cpu or cuda[:I] (default: cpu)")
      ->check([](const std::string &text) {
        bool known = text == "cpu" || text == "cuda" ||
                     (text.starts_with("cuda:") && text.size() > 5);
        return known ? "" : "'" + text + "' is neither cpu nor cuda[:I]";
      })
      ->type_name("DEVICE");
  command
      ->add_option("--threads", options.threads,
                   "Compute threads of a device (default: its share)")
      ->check(CLI::Range(1, 1024))
      ->type_name("T");
}

void addWeights(CLI::App *command, RunOptions &options) {
  command
      ->add_option("--weights", options.weights,
                   "A safetensors file or a checkpoint")
      ->type_name("FILE");
}

void addTrain(CLI::App &app, RunOptions &options) {
  CLI::App *train = app.add_subcommand("train", "Train the plan's model");
  addPlan(train, options);
  addData(train, options);
  addRanks(train, options);
  addDevice(train, options);
  addWeights(train, options);
  auto *epochs = train->add_option("--epochs", options.epochs, "Epochs in all");
  epochs->type_name("E");
  train->add_option("--steps", options.steps, "Steps in all")
      ->type_name("S")
      ->excludes(epochs);
  train->add_option("--seed", options.seed, "Of initial values and shuffling")
      ->type_name("S");
  train->add_option("-o", options.output, "Write the trained weights here")
      ->type_name("FILE");
  train->add_option("--checkpoint", options.checkpoint, "Folder of checkpoints")
      ->type_name("DIR");
  train
      ->add_option("--checkpoint-every", options.checkpointEvery,
                   "Steps between checkpoints (default: an epoch)")
      ->check(CLI::PositiveNumber)
      ->type_name("STEPS");
  train->add_flag("--resume", options.resume,
                  "Go on from the newest checkpoint");
  train->add_option("--log", options.log, "Write metrics as JSON lines")
      ->type_name("FILE");
}

void addOthers(CLI::App &app, RunOptions &options, Pairs &) {
  CLI::App *eval = app.add_subcommand("eval", "Loss and metrics over a split");
  addPlan(eval, options);
  addData(eval, options);
  addRanks(eval, options);
  addDevice(eval, options);
  addWeights(eval, options);
  eval->add_option("--split", options.split, "The split (default: test)")
      ->type_name("NAME");
  eval->add_option("--log", options.log, "Write metrics as a JSON line")
      ->type_name("FILE");
  eval->add_flag("--json", options.json, "Print JSON");

  CLI::App *init = app.add_subcommand("init", "Write the initial parameters");
  addPlan(init, options);
  init->add_option("--seed", options.seed, "Default: the model's")
      ->type_name("S");
  init->add_option("-o", options.output, "The file to write")
      ->required()
      ->type_name("FILE");

  CLI::App *bench = app.add_subcommand("bench", "Step time on made-up data");
  addPlan(bench, options);
  addRanks(bench, options);
  addDevice(bench, options);
  bench->add_option("--steps", options.steps, "Steps measured (default: 100)")
      ->type_name("S");
  bench->add_flag("--kernels", options.kernels, "Time every kernel");
  bench->add_flag("--json", options.json, "Print JSON");

  CLI::App *inspect = app.add_subcommand("inspect", "What is inside a plan");
  addPlan(inspect, options);
  inspect->add_flag("--json", options.json, "Print JSON");
}

void addInfer(CLI::App &app, RunOptions &options,
              std::vector<std::string> &inputs,
              std::vector<std::string> &outputs) {
  CLI::App *infer = app.add_subcommand("infer", "Outputs for given rows");
  addPlan(infer, options);
  addDevice(infer, options);
  addWeights(infer, options);
  infer->add_option("--input", inputs, "An input's rows")
      ->type_name("NAME=@FILE.npy")
      ->take_all();
  infer->add_option("--output", outputs, "Where an output goes")
      ->type_name("NAME=@FILE.npy")
      ->take_all();
}

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
    std::string text = command->help();
    return exitCode(printOutput(text).code());
  }
  if (dynamic_cast<const CLI::CallForVersion *>(&error)) {
    return exitCode(printOutput("mlrun " MLC_VERSION " (" MLC_BUILD_TYPE
                                ", plan format " +
                                std::to_string(kPlanVersionMajor) +
                                ", +gloo +zlib -cuda -nccl)\n")
                        .code());
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
  return usageError(error.what());
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
  RunOptions options;
  std::vector<std::string> inputs, outputs;
  CLI::App app("mlrun executes a plan that mlc compiled.", "mlrun");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string());
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("-q,--quiet", options.quiet, "No progress");
  app.add_flag("-v,--verbose", options.verbose, "Say how ranks were found");
  addTrain(app, options);
  addInfer(app, options, inputs, outputs);
  addOthers(app, options, options.inputs);

  if (arguments.empty())
    return exitCode(printOutput(app.help()).code()) ? 1 : 2;
  const std::string &first = arguments.front();
  std::vector<std::string> commands(std::begin(kCommands), std::end(kCommands));
  bool isCommand =
      std::find(commands.begin(), commands.end(), first) != commands.end();
  if (!first.starts_with('-') && !isCommand) {
    std::error_code error;
    bool isFile = std::filesystem::is_regular_file(first, error);
    if (!isFile && !first.ends_with(".plan"))
      return usageError("unknown command '" + first + "'" +
                        didYouMean(first, commands));
    arguments.insert(arguments.begin(), commandFor(first));
  }
  std::reverse(arguments.begin(), arguments.end()); // as CLI11 takes them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError &error) {
    return parseFailed(app, error);
  }
  if (Status status = splitPairs("--input", inputs, options.inputs);
      !status.ok())
    return fail(status, 2);
  if (Status status = splitPairs("--output", outputs, options.outputs);
      !status.ok())
    return fail(status, 2);
  if (options.verbose)
    setLogLevel(LogLevel::debug);
  return runCommand(app.get_subcommands().front()->get_name(), options);
}

} // namespace

int main(int argc, char **argv) {
  std::signal(SIGPIPE, SIG_IGN);
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
