//===- main.cpp - random_graph_test, from the command line ----------------===//

#include "test/random/Generate.h"
#include "test/random/Tester.h"

#include <cstring>

using namespace mlc::randomgraph;

static constexpr const char *kHelp = R"(usage: random_graph_test [options]

Compiles random graphs and compares what they compute with the interpreter:
values and gradients, under every fusion and memory-reuse setting. A graph that
fails is shrunk and printed.

  --seed S         the first graph's seed; the others count on (1)
  --graphs N       how many graphs (100)
  --seconds T      begin no graph after T seconds
  --jobs J         graphs at a time (2)
  --setting F,R,C  fusion none|elementwise|all, reuse on|off, processor; may be
                   given several times (every fusion and reuse)
  --gradients N    central differences for one graph in N (2; 0: none)
  --no-shrink      report failures as they are
  --fault NAME     miscompile on purpose: tanh, crash
  --print          print the graph of --seed, and do nothing else

  random_graph_test --seed 1000 --graphs 10000
  random_graph_test --seed 17 --graphs 1 --setting all,on,x86-64-v3
)";

static int usageError(const std::string &message) {
  llvm::errs() << "error: " << message << "\n\n" << kHelp;
  return 2;
}

static bool parseSetting(llvm::StringRef text, Setting &setting) {
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ',');
  if (parts.size() != 3 || (parts[1] != "on" && parts[1] != "off"))
    return false;
  setting = {parts[0].str(), parts[1] == "on", parts[2].str()};
  return true;
}

int main(int argc, char **argv) {
  TesterOptions options;
  bool print = false;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef name = argv[i];
    if (name == "--help") {
      llvm::outs() << kHelp;
      return 0;
    }
    if (name == "--no-shrink" || name == "--print") {
      (name == "--print" ? print : options.shrinks) = name == "--print";
      continue;
    }
    if (i + 1 == argc)
      return usageError(name.str() + " is unknown, or needs a value");
    llvm::StringRef value = argv[++i];
    Setting setting;
    bool bad = true;
    if (name == "--seed")
      bad = value.getAsInteger(10, options.seed);
    else if (name == "--graphs")
      bad = value.getAsInteger(10, options.graphs);
    else if (name == "--seconds")
      bad = value.getAsDouble(options.seconds);
    else if (name == "--jobs")
      bad = value.getAsInteger(10, options.jobs) || options.jobs < 1;
    else if (name == "--gradients")
      bad = value.getAsInteger(10, options.gradientsEvery);
    else if (name == "--fault")
      bad = !makeFault(options.fault = value.str());
    else if (name == "--setting" && !(bad = !parseSetting(value, setting)))
      options.settings.push_back(setting);
    if (bad)
      return usageError(name.str() + " " + value.str() + " has no meaning");
  }
  if (!print)
    return runTester(options, llvm::outs()) ? 0 : 1;
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  llvm::outs() << describe(context, generate(context, options.seed));
  return 0;
}
