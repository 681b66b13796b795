//===- Tester.cpp - Many graphs, each in a process of its own -------------===//

#include "test/random/Tester.h"

#include "ir/graph/GraphOps.h"
#include "test/random/Apart.h"
#include "test/random/Generate.h"
#include "test/random/Shrink.h"

#include "llvm/Support/FormatVariadic.h"

#include <chrono>
#include <memory>
#include <poll.h>

using namespace mlir;

namespace mlc::randomgraph {

constexpr unsigned kTimeoutSeconds = 60;

std::vector<Setting> settingsOf(const TesterOptions &options, uint64_t seed) {
  if (!options.settings.empty())
    return options.settings;
  std::vector<Setting> settings;
  for (const char *fusion : {"none", "elementwise", "all"})
    for (bool reuse : {true, false})
      settings.push_back(
          {fusion, reuse, seed % 3 == 0 ? "x86-64-v3" : "native"});
  return settings;
}

Fault makeFault(const std::string &name) {
  if (name == "tanh")
    return [](ModuleOp module) {
      module.walk([](graph::TanhOp op) {
        OpBuilder builder(op);
        Value other = graph::SigmoidOp::create(builder, op.getLoc(),
                                               op.getType(), op.getOperand());
        op.replaceAllUsesWith(other);
        op.erase();
      });
    };
  if (name == "crash")
    return [](ModuleOp module) {
      module.walk([](graph::ArgReduceOp) { std::abort(); });
    };
  return {};
}

//===----------------------------------------------------------------------===//
// One graph
//===----------------------------------------------------------------------===//

/// The report as text, and back.
static std::string pack(const Report &report) {
  std::string text =
      llvm::formatv("{0} {1} {2} {3} {4}\n", report.plans, report.judged,
                    report.unjudged, report.gradients, report.kinks)
          .str();
  if (report.failure)
    text += report.failure->kind + "\n" + report.failure->message;
  return text;
}

static Report unpack(const Apart &apart, StringRef text) {
  Report report;
  if (!apart.death.empty()) {
    report.failure = Failure{apart.death, apart.reason};
    return report;
  }
  auto [numbers, failure] = text.split('\n');
  for (int64_t *field : {&report.plans, &report.judged, &report.unjudged,
                         &report.gradients, &report.kinks}) {
    auto [number, rest] = numbers.split(' ');
    if (number.getAsInteger(10, *field))
      report.failure = Failure{"crash", "half a report"};
    numbers = rest;
  }
  if (!failure.empty())
    report.failure = Failure{failure.split('\n').first.str(),
                             failure.split('\n').second.str()};
  return report;
}

Report checkApart(const Graph &graph, const CheckOptions &options) {
  Apart apart(
      [&](const Apart::Say &) {
        MLIRContext context(makeRegistry(), MLIRContext::Threading::DISABLED);
        context.loadAllAvailableDialects();
        return pack(check(context, graph, options));
      },
      kTimeoutSeconds);
  apart.wait();
  return unpack(apart, apart.text);
}

std::string describe(MLIRContext &context, const Graph &graph) {
  std::string text;
  llvm::raw_string_ostream os(text);
  OwningOpRef<ModuleOp> module = buildModule(context, graph);
  if (!module)
    return "(a graph that cannot be built)\n";
  os << *module << "\n";
  Inputs inputs = makeInputs(context, graph);
  for (auto *list : {&inputs.parameters, &inputs.batch.inputs})
    for (auto &[name, literal] : *list) {
      os << "// " << name << " =";
      for (int64_t i = 0; i < std::min<int64_t>(literal.size(), 8); ++i)
        os << " " << llvm::formatv("{0:g9}", literal.at(i));
      os << (literal.size() > 8 ? " ...\n" : "\n");
    }
  return text;
}

//===----------------------------------------------------------------------===//
// Many graphs
//===----------------------------------------------------------------------===//

namespace {

/// What a child says before its report: how many ops of which kinds.
constexpr StringLiteral kGenerated = "generated";

class Tester {
public:
  Tester(const TesterOptions &options, llvm::raw_ostream &os)
      : options(options), os(os),
        context(makeRegistry(), MLIRContext::Threading::DISABLED),
        start(std::chrono::steady_clock::now()) {
    context.loadAllAvailableDialects();
  }

  bool run() {
    uint64_t next = options.seed;
    auto more = [&] {
      return next - options.seed < static_cast<uint64_t>(options.graphs) &&
             (options.seconds <= 0 || elapsed() < options.seconds);
    };
    while (more() || !jobs.empty()) {
      while (more() && static_cast<int>(jobs.size()) < options.jobs)
        begin(next++);
      waitForOne();
    }
    summarize();
    return failures == 0 && sawEnough();
  }

private:
  struct Job {
    uint64_t seed;
    std::unique_ptr<Apart> apart;
  };

  double elapsed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }

  CheckOptions checkOptions(uint64_t seed) const {
    CheckOptions check;
    check.settings = settingsOf(options, seed);
    check.fault = makeFault(options.fault);
    check.gradients = options.gradientsEvery > 0 &&
                      seed % static_cast<uint64_t>(options.gradientsEvery) == 0;
    return check;
  }

  void begin(uint64_t seed) {
    auto work = [&, seed](const Apart::Say &say) {
      MLIRContext own(makeRegistry(), MLIRContext::Threading::DISABLED);
      own.loadAllAvailableDialects();
      Graph graph = generate(own, seed);
      std::string counts = kGenerated.str();
      for (const Node &node : graph.nodes)
        counts += " " + (node.op.empty() ? "leaf" : node.op);
      say(counts + "\n");
      return pack(check(own, graph, checkOptions(seed)));
    };
    jobs.push_back({seed, std::make_unique<Apart>(work, kTimeoutSeconds)});
  }

  void waitForOne() {
    std::vector<pollfd> files;
    for (const Job &job : jobs)
      files.push_back({job.apart->file(), POLLIN, 0});
    ::poll(files.data(), files.size(), -1);
    for (size_t i = files.size(); i-- > 0;)
      if (files[i].revents != 0 && jobs[i].apart->receive()) {
        finish(jobs[i]);
        jobs.erase(jobs.begin() + static_cast<ptrdiff_t>(i));
      }
  }

  void finish(Job &job) {
    auto [counts, rest] = StringRef(job.apart->text).split('\n');
    bool generated = counts.consume_front(kGenerated);
    SmallVector<StringRef> names;
    counts.split(names, ' ', -1, /*KeepEmpty=*/false);
    for (StringRef name : names)
      if (name != "leaf")
        ++ops[name.str()];
    ++graphs;
    for (const Setting &setting : settingsOf(options, job.seed))
      ++graphsBySetting[setting.text()];
    Report report = unpack(*job.apart, rest);
    total.add(report);
    if (!report.failure)
      return;
    ++failures;
    os << "FAILURE with seed " << job.seed << ": " << report.failure->kind
       << (generated ? "" : " while it is generated") << ": "
       << report.failure->message << "\n";
    if (generated && options.shrinks)
      shrinkAndReport(job.seed, *report.failure);
    os.flush();
  }

  void shrinkAndReport(uint64_t seed, const Failure &failure) {
    CheckOptions check = checkOptions(seed);
    Graph graph = generate(context, seed);
    auto fails = [&](const Graph &candidate, const CheckOptions &how) {
      Report report = checkApart(candidate, how);
      return report.failure &&
             report.failure->signature() == failure.signature();
    };
    // One setting is faster, where one is enough.
    std::vector<Setting> settings = check.settings;
    for (const Setting &setting : settings) {
      CheckOptions one = check;
      one.settings = {setting};
      if (fails(graph, one)) {
        check = one;
        break;
      }
    }
    check.gradients = failure.kind == "gradient";
    Graph small = shrink(context, graph, [&](const Graph &candidate) {
      return fails(candidate, check);
    });
    Report last = checkApart(small, check);
    os << "shrunk from " << graph.countOps() << " to " << small.countOps()
       << " ops:\n"
       << describe(context, small) << "// settings:";
    for (const Setting &setting : check.settings)
      os << " [" << setting.text() << "]";
    os << "\n// " << (last.failure ? last.failure->message : "") << "\n\n";
  }

  /// Many graphs that are hardly judged say nothing.
  bool sawEnough() {
    bool differentiated = options.gradientsEvery == 0 ||
                          total.gradients > std::max(graphs / 4, total.kinks);
    if (graphs < 100 || (total.judged > total.unjudged && differentiated))
      return true;
    os << "error: most elements or gradients were not judged\n";
    return false;
  }

  void summarize() {
    int64_t count = 0;
    for (auto &[name, times] : ops)
      count += times;
    double judged = double(total.judged);
    os << llvm::formatv(
        "{0} graphs with {1} ops of {2} kinds, {3} plans, {4} elements judged "
        "({5:f2} %), {6} central differences ({7} kinks left out), {8} "
        "failures, {9:f1} s\n",
        graphs, count, ops.size(), total.plans, total.judged,
        100 * judged / std::max(1.0, judged + double(total.unjudged)),
        total.gradients, total.kinks, failures, elapsed());
    os << "each under 1 and 3 threads; graphs by setting:\n";
    for (auto &[setting, times] : graphsBySetting)
      os << "  " << setting << ": " << times << "\n";
  }

  const TesterOptions &options;
  llvm::raw_ostream &os;
  MLIRContext context;
  std::chrono::steady_clock::time_point start;
  std::vector<Job> jobs;
  std::map<std::string, int64_t> ops, graphsBySetting;
  int64_t graphs = 0, failures = 0;
  Report total;
};

} // namespace

bool runTester(const TesterOptions &options, llvm::raw_ostream &os) {
  return Tester(options, os).run();
}

} // namespace mlc::randomgraph
