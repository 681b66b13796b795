//===- Builder.h - Makes nodes of a graph ---------------------------------===//
//
// Every function adds one node, or the few that NumPy's rules ask for. Types
// are right already: the checker has compared them and reported what is wrong.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_FRONTEND_BUILDER_H
#define MLC_FRONTEND_BUILDER_H

#include "frontend/Model.h"

#include "ir/graph/Window.h"

#include <map>

namespace mlc::frontend {

class GraphBuilder {
public:
  explicit GraphBuilder(Graph &graph) : graph(graph) {}

  /// Where the next nodes come from.
  Span span;
  uint32_t call = 0;                 ///< index into Graph::calls
  Loop *loop = nullptr;              ///< that the next nodes are in
  GivenGradient *gradient = nullptr; ///< that the next nodes belong to

  Node *leaf(std::string_view op, std::string name, TensorType type);
  /// For an integer type: towards zero, then the nearest end of the range.
  Node *constant(DType dtype, Shape shape, double value);
  Node *constant(DType dtype, Shape shape, int64_t value);
  Node *mask(DType dtype);  ///< `dtype[B]`: 1, or 0 for padding
  Node *count(DType dtype); ///< scalar: real rows of the global batch

  Node *cast(Node *x, DType dtype);
  /// `x` computed in f32, back to the matrix products, parameters and inputs it
  /// is made of, where it would be in `narrow`, the compute type.
  Node *widen(Node *x, DType narrow);
  Node *broadcast(Node *x, const Shape &shape); ///< aligned at the right
  /// `dims[i]`: dimension of the result for dimension i of `x`. A dimension of
  /// 1 that the batch stretches is taken away first: the batch may have one
  /// row.
  Node *broadcast(Node *x, const Shape &shape, std::vector<int64_t> dims);
  Node *reshape(Node *x, const Shape &shape);
  Node *transpose(Node *x, const std::vector<int64_t> &perm);
  Node *unary(std::string_view op, Node *x);
  Node *binary(std::string_view op, Node *a, Node *b); ///< of one type
  Node *compare(std::string predicate, Node *a, Node *b);
  Node *select(Node *condition, Node *a, Node *b);
  /// Kinds: sum, max, min, mean. Over the batch: skips padding; a mean divides
  /// by the count once. `dims` increases.
  Node *reduce(const std::string &kind, Node *x,
               const std::vector<int64_t> &dims);
  Node *argReduce(const std::string &kind, Node *x, int64_t dim);
  /// Contracts dimensions of both; masks a contraction over the batch.
  Node *dot(Node *a, Node *b, std::vector<int64_t> aBatch,
            std::vector<int64_t> bBatch, std::vector<int64_t> aContract,
            std::vector<int64_t> bContract);
  /// NumPy's take along `dim`.
  Node *gather(Node *x, Node *indices, int64_t dim);
  /// `extent` rows along dimension 0, the sums of those of `x` whose index they
  /// are. Over the batch: skips padding.
  Node *scatterAdd(Node *x, Node *indices, int64_t extent);
  Node *softmaxCrossEntropy(Node *logits, Node *labels);
  /// All of rank 4; `mask` may be null.
  Node *attention(Node *q, Node *k, Node *v, Node *mask, bool causal,
                  double scale);
  Node *convolution(Node *x, Node *kernel,
                    const std::vector<graph::WindowDim> &window,
                    int64_t channels, int64_t groups, bool transposed);
  /// `op` is `max_pool` or `sum_pool`.
  Node *pool(std::string_view op, Node *x,
             const std::vector<graph::WindowDim> &window);
  Node *concat(const std::vector<Node *> &parts, int64_t dim);
  /// One [start, limit) with a stride per dimension; kBatchExtent as a limit.
  Node *slice(Node *x, std::vector<int64_t> starts, std::vector<int64_t> limits,
              std::vector<int64_t> strides);
  Node *iota(DType dtype, Shape shape, int64_t dim);
  /// `x` with 0 in the rows of padding.
  Node *maskPadding(Node *x) { return maskRows(x, "sum"); }
  /// `results` with a gradient that is given: see GivenGradient.
  std::vector<Node *> customGradient(const std::vector<Node *> &results,
                                     const std::vector<Node *> &parameters,
                                     GivenGradient &given);
  /// By the statistics of each micro-batch; `scale` and `shift` are wide.
  Node *batchNorm(Node *x, Node *scale, Node *shift, double eps);
  /// What `update` keeps of them: the `mean` or the unbiased `variance` of a
  /// micro-batch, averaged over those of the step.
  Node *batchStatistic(Node *norm, std::string which);
  /// `random_uniform` or `dropout_mask`, in f32 for a narrow type; `site` is
  /// the place in the model (BuiltinsRandom.cpp).
  Node *draw(std::string_view op, DType dtype, const Shape &shape,
             uint64_t site, double rate);

  /// What iteration i of the loop under construction has of `source`: slice i.
  Node *addSequence(Node *source);
  Node *addSequence(Loop &loop, Node *source);
  /// A carried value before its iterations; its next value comes later.
  Node *addCarry(Node *init);
  /// Ends the loop under construction. Its results: the last carried values,
  /// then the yields, stacked along dimension 0.
  std::vector<Node *> finishLoop();

private:
  Node *overWindow(std::string_view op, std::vector<Node *> operands,
                   int64_t channels,
                   const std::vector<graph::WindowDim> &window);
  /// The number of a loop's iteration, an i64.
  Node *iterationOf(Loop &in);
  Node *add(std::string_view op, std::vector<Node *> operands, TensorType type);
  /// `x` with what changes no reduction of this kind in the rows of padding. It
  /// selects: 0 * NaN is NaN.
  Node *maskRows(Node *x, const std::string &kind);
  Node *neutral(const std::string &kind, const TensorType &type);
  /// The type that a reduction is carried in from one micro-batch to the next.
  static DType carriedType(const std::string &kind, DType dtype);

  Graph &graph;
  std::map<const Node *, Node *> wide; ///< by widen()
};

} // namespace mlc::frontend

#endif // MLC_FRONTEND_BUILDER_H
