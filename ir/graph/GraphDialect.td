//===- GraphDialect.td - The dialect of tensor maths ----------------------===//

#ifndef MLC_IR_GRAPH_GRAPHDIALECT
#define MLC_IR_GRAPH_GRAPHDIALECT

include "mlir/IR/DialectBase.td"

def Graph_Dialect : Dialect {
  let name = "graph";
  let cppNamespace = "::mlc::graph";
  let summary = "tensor maths, free of devices";
  let description = [{
    Pure operations on ranked tensors of static shape, whose extents are all at
    least 1. Element types are `f16 bf16 f32 f64 i32 i64 ui8 i1`. Shapes are
    explicit: nothing broadcasts by itself.

    A tensor type may carry a layout (`#dist.layout`) as its encoding. The ops
    compare shapes and element types; the layouts of an op's operands and
    results are compared with its sharding rule, so that a missing or doubled
    all-reduce does not verify.

    Float arithmetic follows IEEE 754, rounding to nearest even: each scalar
    result is rounded to the element type. Reductions and `graph.dot` accumulate
    in f32 (f64 for f64), in an order that is not specified. Integers
    wrap as two's complement at their width.

    Arguments and results of functions say what they are by one attribute each:
    `graph.param`, `graph.input`, `graph.mask`, `graph.count`, `graph.step`;
    `graph.loss`, `graph.metric`, `graph.output`, `graph.update`.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

#endif // MLC_IR_GRAPH_GRAPHDIALECT
