//===- Model.h - A checked model ------------------------------------------===//
//
// What the checker makes of a file and the importer turns into IR: one graph of
// typed nodes per mode, the parameters, and the blocks with every field filled.
// Layers are gone; names, shapes and types are right.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_FRONTEND_MODEL_H
#define MLC_FRONTEND_MODEL_H

#include "frontend/Source.h"
#include "frontend/Types.h"
#include "ir/graph/Window.h"

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlc::frontend {

/// Stands for the batch in a node's list of numbers.
inline constexpr int64_t kBatchExtent = -1;

struct Loop;
struct Node;

/// A layer's own gradient, of a node `custom_gradient`. The node's operands are
/// the layer's results, its tensor parameters, floats first, and the mask and
/// the count where the gradient uses them.
struct GivenGradient {
  size_t results = 0, parameters = 0;
  /// Leaves `argument` in the gradient: the parameters, then the cotangents of
  /// the results.
  std::vector<Node *> arguments;
  std::vector<Node *> cotangents; ///< of the first parameters
};

/// One value of a graph. `op` is an op of the graph dialect without its prefix,
/// or `input`, `parameter`, `mask`, `count`, `seed`, `step`, `row`, an
/// `argument` of the loop or the gradient it is in, or the `result` number
/// `integer` of a `scan` or a `custom_gradient`.
struct Node {
  std::string_view op;
  std::vector<Node *> operands;
  TensorType type;
  /// The op's lists: dims, perm, shape (see Builder.cpp); for `dot` the four
  /// lists in order, for `slice` starts, limits, strides, for `reshape` where
  /// the batch is in the operand and in the result.
  std::array<std::vector<int64_t>, 4> lists;
  std::vector<graph::WindowDim> window; ///< of a convolution or pool
  std::string word;    ///< predicate, kind of a reduction, or a name
  double number = 0;   ///< value of a `constant` of a float type
  int64_t integer = 0; ///< of an integer type, or bool
  Span span;
  uint32_t call = 0;    ///< index into Graph::calls of the layer it is in
  Loop *loop = nullptr; ///< it is computed in every iteration of
  Loop *body = nullptr; ///< of a `scan`
  GivenGradient *gradient = nullptr; ///< it belongs to
  GivenGradient *given = nullptr;    ///< of a `custom_gradient`
  /// Depends on a reduction over the batch, or is one.
  bool afterBatch = false;
  /// Is itself a reduction over the batch.
  bool reducesBatch = false;
};

/// What a `scan` does in each of its iterations, from 0 up. The node's operands
/// are the inits, the sequences, and what the body needs from outside.
struct Loop {
  struct Carry {
    Node *init = nullptr, *argument = nullptr, *next = nullptr;
  };
  /// Iteration i reads slice i of `source` along dimension 0.
  struct Sequence {
    Node *source = nullptr, *argument = nullptr;
  };
  int64_t first = 0; ///< what a `repeat` counts from, in names
  int64_t count = 1;
  bool remat = false;
  Node *index = nullptr; ///< of a `repeat`: the number of the iteration
  Loop *parent = nullptr;
  Node *iteration = nullptr; ///< its number, from 0; null where nobody asks
  std::vector<Carry> carries;
  std::vector<Sequence> sequences;
  std::vector<Node *> yields; ///< stacked
  std::vector<Node *> nodes;  ///< in it, in order; those of inner loops apart
};

enum class Mode { Train, Eval, Infer };

struct NamedNode {
  std::string name;
  Node *node = nullptr;
  Span span;
};

/// A call of a layer.
struct LayerCall {
  std::string path; ///< of the instance
  std::string layer;
  Span span;           ///< the layer's name in the call
  uint32_t caller = 0; ///< index into Graph::calls of where the call stands
};

/// The model, specialised for one mode. Nodes are in order of definition.
struct Graph {
  std::deque<Node> nodes;
  std::deque<Loop> loops;
  std::deque<GivenGradient> gradients;
  std::vector<LayerCall> calls{1}; ///< [0] is the model itself
  Node *loss = nullptr;
  Span lossSpan;
  std::vector<NamedNode> metrics, outputs;
  std::vector<NamedNode> updates; ///< of states, by path

  /// From the innermost call to the one that stands in the model.
  std::vector<LayerCall> chainOf(uint32_t call) const {
    std::vector<LayerCall> chain;
    for (; call != 0; call = calls[call].caller)
      chain.push_back(calls[call]);
    return chain;
  }
};

enum class InitKind {
  Zeros,
  Ones,
  Constant,
  Uniform,
  Normal,
  TruncatedNormal,
  Orthogonal ///< gain a, columns b
};

/// The iterations of a `repeat`.
struct LoopAxis {
  int64_t first = 0, count = 1;
};

struct ParameterInfo {
  std::string path; ///< with a `*` for each of `axes`
  TensorType type;  ///< the dimensions of `axes` before its own
  std::vector<LoopAxis> axes;
  InitKind init = InitKind::Zeros;
  double a = 0, b = 0;
  bool trained = true;
  Span span;
  std::vector<LayerCall> calls; ///< it is declared in; see Graph::chainOf
};

struct InputInfo {
  std::string name;
  TensorType type;   ///< with the batch
  int64_t limit = 0; ///< > 0: an integer input is in [0, limit)
  Span span;
};

/// A learning rate over the steps; kinds and fields are those of
/// ir/graph/Schedules.cpp, `total` filled in where the file leaves it out.
struct Schedule {
  std::string kind = "constant";
  std::vector<std::pair<std::string, double>> numbers;
  std::vector<std::pair<std::string, int64_t>> counts;
};

/// Values of hyper-parameters, those of an optimizer or what a group changes.
struct Hyperparameters {
  std::optional<Schedule> lr;
  std::vector<std::pair<std::string, double>> numbers; ///< beta1, ...
  std::vector<std::pair<std::string, bool>> flags;     ///< nesterov, ...
};

struct Optimizer : Hyperparameters {
  std::string kind; ///< of ir/graph/Optimizers.cpp; empty: none
  Span span;
};

/// What a group leaves out is as in the optimizer. Beside the optimizer's
/// hyper-parameters: `lr_scale`, and the flag `frozen`.
struct GroupInfo : Hyperparameters {
  std::string pattern;
  Span patternSpan;
};

struct TrainInfo {
  bool present = false;
  int64_t batch = 1, microbatch = 1, microbatches = 1;
  int64_t epochs = 0, steps = 0, seed = 0;
  double clipNorm = 0;
  double ema = 0;   ///< what a step keeps of the running averages; 0: none
  std::string best; ///< a metric, or loss
  bool bestIsLowest = false;
  int64_t patience = 0;
  std::string precision = "f32", sum = "tree";
  Optimizer optimizer;
  std::vector<GroupInfo> groups;
};

struct ColumnInfo {
  std::string input, file;
  int64_t first = 0, last = 0;
};

struct SplitInfo {
  std::string name, reader, file;
  bool header = false, shuffle = true;
  int64_t firstRow = 0, lastRow = -1;
  bool bytes = false;                 ///< text: bytes, not characters
  double partFirst = 0, partLast = 1; ///< text, bin: of the file
  std::string element = "u8";         ///< bin: the type of a token
  std::vector<ColumnInfo> columns;
  Span span;
};

struct AxisInfo {
  std::string name;
  int64_t size = 1; ///< -1: elastic
};

struct CheckedModel {
  std::string name;
  Graph train, eval, infer;
  DType compute = DType::F32;
  std::vector<InputInfo> inputs;
  std::vector<ParameterInfo> parameters;
  TrainInfo training;
  std::vector<SplitInfo> splits;
  std::vector<AxisInfo> mesh;
  Span span;
};

} // namespace mlc::frontend

#endif // MLC_FRONTEND_MODEL_H
