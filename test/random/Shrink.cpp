//===- Shrink.cpp - The smallest graph that still fails -------------------===//

#include "test/random/Shrink.h"

#include "test/random/Build.h"

#include <set>

using namespace mlir;

namespace mlc::randomgraph {

Graph withoutDeadNodes(const Graph &graph) {
  SmallVector<int> roots;
  for (const Observation &seen : graph.observations) {
    roots.push_back(seen.node);
    if (seen.state >= 0)
      roots.push_back(seen.state);
  }
  std::vector<int> live = reachable(graph, roots), number(graph.nodes.size());
  Graph result = graph;
  result.nodes.clear();
  for (auto [next, old] : llvm::enumerate(live)) {
    number[old] = static_cast<int>(next);
    result.nodes.push_back(graph.nodes[old]);
    for (int &operand : result.nodes.back().operands)
      operand = number[operand];
  }
  for (Observation &seen : result.observations) {
    seen.node = number[seen.node];
    if (seen.state >= 0)
      seen.state = number[seen.state];
  }
  return result;
}

namespace {

class Shrinker {
public:
  Shrinker(MLIRContext &context, Graph first,
           const std::function<bool(const Graph &)> &fails)
      : context(context), best(withoutDeadNodes(first)), fails(fails) {}

  Graph run() {
    bool progress = true;
    while (progress) {
      progress = dropObservations();
      progress |= observeOperands();
      progress |= simplifyTraining();
      progress |= shortcutNodes();
      progress |= shortenExtents();
    }
    return best;
  }

private:
  /// Keeps the change if the graph still fails.
  template <typename Change> bool attempt(Change change) {
    Graph candidate = best;
    if (!change(candidate))
      return false;
    candidate = withoutDeadNodes(candidate);
    if (candidate.observations.empty() || !fails(candidate))
      return false;
    best = std::move(candidate);
    return true;
  }

  /// One alone, else without each.
  bool dropObservations() {
    bool progress = false;
    for (size_t i = 0; i < best.observations.size(); ++i)
      if (best.observations.size() > 1 && attempt([&](Graph &graph) {
            graph.observations = {graph.observations[i]};
            return true;
          }))
        return true;
    for (size_t i = best.observations.size(); i-- > 0;)
      if (best.observations.size() > 1)
        progress |= attempt([&](Graph &graph) {
          graph.observations.erase(graph.observations.begin() + i);
          return true;
        });
    return progress;
  }

  /// Looks at what an observed value is made of, instead of the value.
  bool observeOperands() {
    bool progress = false;
    for (size_t i = 0; i < best.observations.size(); ++i) {
      SmallVector<int, 3> operands(
          best.nodes[best.observations[i].node].operands);
      auto observe = [&](int operand, Observation::Kind kind) {
        return attempt([&](Graph &graph) {
          graph.observations[i].node = operand;
          graph.observations[i].kind = kind;
          if (kind != Observation::Kind::Update)
            graph.observations[i].state = -1;
          return true;
        });
      };
      for (int operand : operands)
        if (observe(operand, best.observations[i].kind) ||
            observe(operand, Observation::Kind::Metric)) {
          progress = true;
          break;
        }
    }
    return progress;
  }

  template <typename Field, typename T> bool set(Field field, T value) {
    return attempt([&](Graph &graph) {
      if (graph.*field == value)
        return false;
      graph.*field = value;
      return true;
    });
  }

  bool simplifyTraining() {
    bool progress = set(&Graph::padding, int64_t(0));
    progress |= set(&Graph::optimizer, std::string("sgd"));
    progress |= set(&Graph::clipNorm, 0.0);
    progress |= set(&Graph::elastic, false);
    progress |= set(&Graph::wideLoss, false);
    progress |= set(&Graph::learningRate, 1.0);
    for (auto field : {&Graph::microbatches, &Graph::microbatch})
      for (int64_t value : {int64_t(1), int64_t(2), best.*field - 1})
        if (value >= 1 && value < best.*field && value > best.padding)
          progress |= set(field, value);
    return progress;
  }

  /// The value of every node, where the graph can be built.
  std::vector<Built> build(OpBuilder &builder, Block &block,
                           const Graph &graph) {
    std::vector<Built> built;
    for (auto [index, node] : llvm::enumerate(graph.nodes)) {
      if (node.kind != Node::Kind::Op) {
        auto type =
            RankedTensorType::get(concreteShape(node.shape, graph.rows()),
                                  elementType(&context, node.element));
        built.push_back(
            {block.addArgument(type, builder.getUnknownLoc()), node.shape});
        continue;
      }
      SmallVector<Built> operands;
      for (int operand : node.operands)
        operands.push_back(built[operand]);
      auto result = buildOp(builder, node, operands, graph.rows());
      if (!result)
        return {};
      built.push_back(*result);
    }
    return built;
  }

  /// Makes a leaf of a node, or lets its readers read an operand instead.
  bool shortcutNodes() {
    bool progress = false;
    for (int index = static_cast<int>(best.nodes.size()) - 1; index >= 0;
         --index) {
      if (index >= static_cast<int>(best.nodes.size()))
        continue;
      if (best.nodes[index].kind == Node::Kind::Op)
        progress |= makeLeaf(index) || readOperand(index);
      else
        progress |= shareLeaf(index);
    }
    return progress;
  }

  struct Types {
    std::vector<Shape> shapes;
    std::vector<Element> elements;
  };

  std::optional<Types> typesOf(const Graph &graph) {
    OwningOpRef<ModuleOp> scratch = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder builder(&context);
    builder.setInsertionPointToEnd(scratch->getBody());
    auto function = func::FuncOp::create(builder, scratch->getLoc(), "scratch",
                                         builder.getFunctionType({}, {}));
    Block *block = function.addEntryBlock();
    builder.setInsertionPointToEnd(block);
    std::vector<Built> built = build(builder, *block, graph);
    if (built.size() != graph.nodes.size())
      return std::nullopt;
    Types types;
    for (const Built &each : built) {
      types.shapes.push_back(each.shape);
      types.elements.push_back(each.element());
    }
    return types;
  }

  bool makeLeaf(int index) {
    std::optional<Types> types = typesOf(best);
    if (!types)
      return false;
    Node leaf;
    leaf.element = types->elements[index];
    leaf.shape = types->shapes[index];
    leaf.draw = best.nodes[index].draw;
    bool rows = llvm::any_of(leaf.shape, [](int64_t e) { return e < 0; });
    if (rows && leaf.shape[0] != -1)
      return false;
    bool isFloat = leaf.element <= Element::f64;
    for (Node::Kind kind : {Node::Kind::State, Node::Kind::Parameter}) {
      if (kind == Node::Kind::Parameter && (rows || !isFloat))
        continue;
      leaf.kind = rows ? Node::Kind::Input : kind;
      if (attempt([&](Graph &graph) {
            graph.nodes[index] = leaf;
            return true;
          }))
        return true;
    }
    return false;
  }

  static void redirect(Graph &graph, int from, int to) {
    for (Node &node : graph.nodes)
      for (int &operand : node.operands)
        if (operand == from)
          operand = to;
    for (Observation &seen : graph.observations)
      if (seen.node == from)
        seen.node = to;
  }

  bool readOperand(int index) {
    std::optional<Types> types = typesOf(best);
    if (!types)
      return false;
    for (int operand : SmallVector<int, 3>(best.nodes[index].operands))
      if (types->shapes[operand] == types->shapes[index] &&
          types->elements[operand] == types->elements[index] &&
          attempt([&](Graph &graph) {
            redirect(graph, index, operand);
            return true;
          }))
        return true;
    return false;
  }

  /// One leaf of each type is enough.
  bool shareLeaf(int index) {
    for (int other = 0; other < index; ++other) {
      const Node &a = best.nodes[index], &b = best.nodes[other];
      if (b.kind == a.kind && b.shape == a.shape && b.element == a.element &&
          attempt([&](Graph &graph) {
            redirect(graph, index, other);
            return true;
          }))
        return true;
    }
    return false;
  }

  bool shortenExtents() {
    bool progress = false;
    std::set<int64_t, std::greater<>> extents;
    for (const Node &node : best.nodes)
      for (int64_t extent : node.shape)
        if (extent > 1)
          extents.insert(extent);
    for (int64_t extent : extents)
      for (int64_t next : {int64_t(1), int64_t(2), extent / 2, extent - 1}) {
        if (next < 1 || next >= extent)
          continue;
        bool done = attempt([&](Graph &graph) {
          for (Node &node : graph.nodes) {
            for (int64_t &each : node.shape)
              if (each == extent)
                each = next;
            if (node.limit == extent)
              node.limit = next;
          }
          return true;
        });
        progress |= done;
        if (done)
          break;
      }
    return progress;
  }

  MLIRContext &context;
  Graph best;
  const std::function<bool(const Graph &)> &fails;
};

} // namespace

Graph shrink(MLIRContext &context, Graph graph,
             const std::function<bool(const Graph &)> &fails) {
  return Shrinker(context, std::move(graph), fails).run();
}

} // namespace mlc::randomgraph
