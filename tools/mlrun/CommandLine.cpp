//===- CommandLine.cpp - mlrun's commands and options ---------------------===//

#include "tools/mlrun/CommandLine.h"

#include <charconv>

namespace mlrt {

namespace {

/// Steps and epochs stay far below where their products overflow.
constexpr uint64_t kMostSteps = 1'000'000'000'000;
constexpr uint64_t kMostSeconds = 1'000'000;

/// CLI11 takes -1 for 2^64 - 1, and what is too large for the largest number.
auto wholeNumber(uint64_t low, uint64_t high) {
  return [=](const std::string &text) -> std::string {
    uint64_t value = 0;
    const char *end = text.data() + text.size();
    auto [at, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && at == end && value >= low && value <= high)
      return "";
    return text + " is not a whole number from " + std::to_string(low) +
           " to " + std::to_string(high);
  };
}

std::string checkSeconds(const std::string &text) {
  double value = 0;
  const char *end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && at == end && value > 0 &&
      value <= static_cast<double>(kMostSeconds))
    return "";
  return text + " is not a number of seconds above 0 and up to " +
         std::to_string(kMostSeconds);
}

std::string checkDeviceName(const std::string &text) {
  std::string_view name = text;
  bool known = name == "cpu" || name == "cuda";
  if (name.starts_with("cuda:"))
    known = wholeNumber(0, 1023)(text.substr(5)).empty();
  return known ? "" : text + " is neither cpu nor cuda[:I]";
}

std::string checkComm(const std::string &text) {
  for (const char *known : {"threads", "shm", "gloo", "nccl"})
    if (text == known)
      return "";
  return text + " is not one of threads, shm, gloo, nccl";
}

void addPlan(CLI::App *command, RunOptions &options) {
  command->add_option("plan", options.plan, "The plan that mlc wrote")
      ->required()
      ->option_text(" ");
}

void addData(CLI::App *command, RunOptions &options) {
  command
      ->add_option("--data", options.data,
                   "Folder of the data files (default: the plan's)")
      ->option_text("DIR");
  command
      ->add_option("--cache", options.cache,
                   "Folder of decoded data (default: ~/.cache/mlrun)")
      ->option_text("DIR");
}

void addRanks(CLI::App *command, RunOptions &options) {
  command
      ->add_option("-n", options.ranks,
                   "Devices (default: the size of the plan's mesh)")
      ->check(wholeNumber(1, 65536))
      ->option_text("N");
  command
      ->add_option("--comm", options.comm,
                   "threads, shm, gloo or nccl (default: what fits)")
      ->check(checkComm)
      ->option_text("KIND");
  command
      ->add_option(
          "--timeout", options.timeoutSeconds,
          "A stopped or lost peer is reported within this\n(default: 30)")
      ->check(checkSeconds)
      ->option_text("SECONDS");
}

void addDevice(CLI::App *command, RunOptions &options) {
  command
      ->add_option("--device", options.device, "cpu or cuda[:I] (default: cpu)")
      ->check(checkDeviceName)
      ->option_text("DEVICE");
  command
      ->add_option("--threads", options.threads,
                   "Compute threads of a device (default: its share)")
      ->check(wholeNumber(1, 1024))
      ->option_text("T");
}

void addWeights(CLI::App *command, RunOptions &options) {
  command
      ->add_option("--weights", options.weights,
                   "A safetensors file or a checkpoint")
      ->option_text("FILE");
  command->add_flag("--no-ema", options.ignoreAverages,
                    "Weights as they are, not their running averages");
}

void addSteps(CLI::App *command, RunOptions &options, const char *what) {
  command->add_option("--steps", options.steps, what)
      ->check(wholeNumber(0, kMostSteps))
      ->option_text("S");
}

void addSeed(CLI::App *command, RunOptions &options) {
  command
      ->add_option("--seed", options.seed,
                   "Of all random numbers (default: the model's)")
      ->check(wholeNumber(0, UINT64_MAX))
      ->option_text("S");
}

void addLog(CLI::App *command, RunOptions &options) {
  command
      ->add_option("--log", options.log, "Write loss and metrics as JSON lines")
      ->option_text("FILE.jsonl");
}

void addTrain(CLI::App &app, RunOptions &options) {
  CLI::App *train = app.add_subcommand("train", "Train the plan's model");
  addPlan(train, options);
  addData(train, options);
  addRanks(train, options);
  addDevice(train, options);
  addWeights(train, options);
  addSteps(train, options, "Steps in all, instead of epochs");
  train
      ->add_option("--epochs", options.epochs,
                   "Epochs in all (default: the model's)")
      ->check(wholeNumber(0, kMostSteps))
      ->option_text("E")
      ->excludes("--steps");
  addSeed(train, options);
  train->add_option("-o", options.output, "Write the trained weights here")
      ->option_text("FILE.safetensors");
  train->add_option("--checkpoint", options.checkpoint, "Folder of checkpoints")
      ->option_text("DIR");
  train
      ->add_option("--checkpoint-every", options.checkpointEvery,
                   "Steps between checkpoints (default: an epoch)")
      ->check(wholeNumber(1, kMostSteps))
      ->option_text("STEPS");
  train
      ->add_option("--keep-best", options.keepBest,
                   "Keep the checkpoint with the best evaluation as\n"
                   "DIR/best (default: max, of loss min; none: don't)")
      ->option_text("METRIC[:min|max]");
  train
      ->add_option("--early-stop", options.earlyStop,
                   "End when this is no better for --patience epochs\n"
                   "(default: what --keep-best or the model says)")
      ->option_text("METRIC[:min|max]");
  train
      ->add_option("--patience", options.patience,
                   "Epochs to wait for a better one (0: for ever)")
      ->check(wholeNumber(0, kMostSteps))
      ->option_text("E");
  train->add_flag("--resume", options.resume,
                  "Go on from the newest checkpoint (from the start if\nthe "
                  "folder has none); lines of --log behind it go");
  addLog(train, options);
  train->footer(R"(Examples:
  mlrun train digits.plan -n 4 --log log.jsonl -o digits.safetensors
  mlrun train digits.plan --epochs 100 --checkpoint run --resume)");
}

void addEval(CLI::App &app, RunOptions &options) {
  CLI::App *eval = app.add_subcommand("eval", "Loss and metrics over a split");
  addPlan(eval, options);
  addData(eval, options);
  addRanks(eval, options);
  addDevice(eval, options);
  addWeights(eval, options);
  eval->add_option("--split", options.split, "The split (default: test)")
      ->option_text("NAME");
  addLog(eval, options);
  eval->add_flag("--json", options.json, "Print JSON");
  eval->footer(R"(Example:
  mlrun eval digits.plan --weights digits.safetensors --split test)");
}

void addInfer(CLI::App &app, CommandLine &to) {
  CLI::App *infer = app.add_subcommand("infer", "Outputs for given rows");
  addPlan(infer, to.options);
  addDevice(infer, to.options);
  addWeights(infer, to.options);
  addSeed(infer, to.options);
  infer->add_option("--input", to.inputs, "An input's rows, any number of them")
      ->option_text("NAME=@FILE.npy")
      ->take_all();
  infer->add_option("--output", to.outputs, "Where an output goes")
      ->option_text("NAME=@FILE.npy")
      ->take_all();
  infer->footer(R"(Example:
  mlrun infer digits.plan --weights digits.safetensors \
      --input pixels=@x.npy --output logits=@y.npy)");
}

void addInit(CLI::App &app, RunOptions &options) {
  CLI::App *init = app.add_subcommand("init", "Write the initial parameters");
  addPlan(init, options);
  addSeed(init, options);
  init->add_option("-o", options.output, "The file to write")
      ->required()
      ->option_text("FILE.safetensors");
  init->footer(R"(Example:
  mlrun init digits.plan --seed 1 -o start.safetensors)");
}

void addBench(CLI::App &app, RunOptions &options) {
  CLI::App *bench = app.add_subcommand("bench", "Step time on made-up data");
  addPlan(bench, options);
  addRanks(bench, options);
  addDevice(bench, options);
  addSteps(bench, options, "Steps measured (default: 100)");
  bench->add_flag("--kernels", options.kernels, "Time every kernel");
  bench->add_flag("--json", options.json, "Print JSON");
  bench->footer(R"(Example:
  mlrun bench digits.plan --steps 1000 --kernels)");
}

void addInspect(CLI::App &app, RunOptions &options) {
  CLI::App *inspect = app.add_subcommand("inspect", "What is inside a plan");
  addPlan(inspect, options);
  inspect->add_flag("--json", options.json, "Print JSON");
  inspect->footer(R"(Example:
  mlrun inspect digits.plan --json)");
}

} // namespace

void addCommands(CLI::App &app, CommandLine &to) {
  app.get_formatter()->column_width(28);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND PLAN");
  app.get_formatter()->label("OPTIONS", "options");
  addTrain(app, to.options);
  addEval(app, to.options);
  addInfer(app, to);
  addInit(app, to.options);
  addBench(app, to.options);
  addInspect(app, to.options);
  for (CLI::App *command : app.get_subcommands({}))
    command->group("Commands");
}

} // namespace mlrt
