//===- CreateMesh.cpp - Declare the mesh of the configuration -------------===//
//
//   module attributes {mlc.mesh = [{name = "data", size = 4 : i64}]}
// gets
//   dist.mesh @mesh ["data"] sizes = [4]
//
// A module without the attribute gets one device on the axis `data`. A mesh
// that is there is kept.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/DistDialect.h"
#include "ir/dist/MeshConfig.h"
#include "passes/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlc {

#define GEN_PASS_DEF_CREATEMESH
#include "passes/Passes.h.inc"

namespace {

using namespace mlir;

struct CreateMesh : impl::CreateMeshBase<CreateMesh> {
  using CreateMeshBase::CreateMeshBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module.lookupSymbol(dist::DistDialect::kMeshName))
      return;
    auto configured = dist::readMesh(module);
    if (failed(configured))
      return signalPassFailure();
    SmallVector<StringRef> axes;
    SmallVector<int64_t> sizes;
    for (const dist::MeshAxis &axis : *configured) {
      axes.push_back(axis.name);
      sizes.push_back(axis.size);
    }
    if (!llvm::is_contained(axes, dist::DistDialect::kDataAxis)) {
      axes.insert(axes.begin(), dist::DistDialect::kDataAxis);
      sizes.insert(sizes.begin(), 1);
    }
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    dist::MeshOp::create(builder, module.getLoc(), dist::DistDialect::kMeshName,
                         builder.getStrArrayAttr(axes), sizes);
  }
};

} // namespace
} // namespace mlc
