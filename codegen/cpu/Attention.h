//===- Attention.h - What attention and its gradient share ----------------===//
//
// Both work on blocks of queries and keys. The rows of a block are copied into
// scratch memory first, as held, padded with zeros to whole vectors and tiles,
// so that no loop behind that knows of types, views or edges. A tile is a few
// queries against the keys of a block; its products are register blocks.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_ATTENTION_H
#define MLC_CODEGEN_CPU_ATTENTION_H

#include "codegen/cpu/Lowering.h"
#include "ir/graph/GraphAttentionOps.h"

namespace mlc::cpu {

/// Rows in a task's scratch memory, in elements.
struct AttentionBuffer {
  int64_t offset = 0, rows = 0, stride = 0;
};

class AttentionBlocks {
public:
  AttentionBlocks(Lowering &lowering, Value queryRows, Value keyRows,
                  Value valueRows, Value maskOf, bool isCausal, double factor);

  Lowering &l;
  KernelBuilder &k;
  Value query, key, value, mask;
  bool causal;
  double scale;
  int64_t batches, heads, keyHeads, queries, keys, depth, width;
  Type held;
  unsigned lanes;
  int64_t tileRows;  ///< queries of a tile
  int64_t blockKeys; ///< keys of a block

  int64_t group() const { return heads / keyHeads; }
  int64_t step() const { return 2 * int64_t(lanes); } ///< keys at a time
  Type vector() { return k.vec(held, lanes); }

  // Scratch memory of a task.
  AttentionBuffer take(int64_t rows, int64_t columns);
  int64_t scratchElements() const { return taken; }
  /// Adds the phase: `units` of independent work, several to a task.
  void addPhase(int64_t units, llvm::ArrayRef<unsigned> which,
                std::function<void(AttentionBlocks &, Value unit)> emit);

  Value at(const AttentionBuffer &buffer, Value row, Value column);
  Value at(const AttentionBuffer &buffer, Value row, int64_t column = 0);
  void clear(const AttentionBuffer &buffer);

  // Between tensors of rows [batch, head, length, depth] and buffers.
  struct Head {
    Value batch, head;
  };
  /// Rows from `first` on, times `factor`; what is behind the last is 0.
  void load(const AttentionBuffer &to, Value source, const Head &head,
            Value first, double factor = 1);
  /// Row `row` of the buffer as row `index` of the kernel's result `value`.
  void storeRow(Value value, const Head &head, Value index,
                llvm::function_ref<Value(int64_t vector)> row);
  /// A number of a tensor [batch, head, length].
  Value loadStatistic(Value source, const Head &head, Value index);
  void transpose(const AttentionBuffer &from, const AttentionBuffer &to);

  // Products.
  struct Left { ///< element (row, step) of the left operand
    Value base;
    int64_t rowStride, stepStride;
  };
  /// to[row + r][...] = to[row + r][...] * factors[r] + sum over steps in
  /// [begin, end) of left(r, step) * right[step][...], for the rows of a tile.
  void accumulate(const AttentionBuffer &to, Value row, const Left &left,
                  const AttentionBuffer &right, Value begin, Value end,
                  Value factors = {});
  /// to[r][j] = sum over steps below `steps` of left(r, step) * right[step][j],
  /// for j below `count`, which is whole vectors.
  void products(const AttentionBuffer &to, Value row, const Left &left,
                const AttentionBuffer &right, int64_t steps, Value count);

  // Which keys of the block from `begin` on the queries from `i` on attend to.
  struct Range {
    Value end;             ///< behind the last key that a row attends to
    Value count;           ///< to compute: whole vectors
    Value open;            ///< below which all rows attend: whole vectors
    Value begin, firstRow; ///< of the block, and of the tile
  };
  Range rangeOf(Value firstRow, Value begin);
  /// Loads the mask of a tile into `bias`, as numbers to be added.
  void loadMask(const AttentionBuffer &bias, const Head &head,
                const Range &range);
  /// Calls `body` for vectors of keys in order with what they carry. `score`
  /// gives what the mask makes of the score of row `r`.
  using Score = llvm::function_ref<Value(int64_t r, Value score)>;
  using Body = llvm::function_ref<llvm::SmallVector<Value>(
      Value column, ValueRange carried, Score score)>;
  llvm::SmallVector<Value> forVectors(const Range &range,
                                      const AttentionBuffer &bias,
                                      ValueRange carried, Body body);
  /// Does `forVectors` change scores anywhere.
  bool changesScores() const { return mask || causal || keys % lanes != 0; }

private:
  llvm::SmallVector<Value> multiply(const Left &left, Value right,
                                    int64_t rightStride, int64_t vectors,
                                    Value begin, Value end,
                                    llvm::ArrayRef<Value> sums);
  void forGroups(int64_t vectors,
                 llvm::function_ref<void(int64_t first, int64_t count)> emit);

  int64_t taken = 0;
  Value memory; ///< of this task
};

/// As the functions of Lowering.h.
bool lowerAttention(Lowering &l, graph::AttentionOp op,
                    llvm::ArrayRef<unsigned> which);
bool lowerAttentionGrad(Lowering &l, graph::AttentionGradOp op,
                        llvm::ArrayRef<unsigned> which);

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_ATTENTION_H
