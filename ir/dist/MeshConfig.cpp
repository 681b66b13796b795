//===- MeshConfig.cpp - The mesh of the configuration ---------------------===//

#include "ir/dist/MeshConfig.h"

#include "ir/dist/DistDialect.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace mlc::dist {

static FailureOr<MeshAxis> readAxis(ModuleOp module, Attribute entry) {
  auto axis = dyn_cast<DictionaryAttr>(entry);
  auto name = axis ? axis.getAs<StringAttr>("name") : StringAttr();
  auto size = axis ? axis.getAs<IntegerAttr>("size") : IntegerAttr();
  if (!name || !size || !size.getType().isSignlessInteger(64))
    return module.emitError("expected {name = \"...\", size = ... : i64} in "
                            "mlc.mesh, not ")
           << entry;
  if (size.getInt() < 1 && size.getInt() != MeshOp::kElastic)
    return module.emitError("axis ")
           << name << " of mlc.mesh has size " << size.getInt()
           << "; expected at least 1, or -1";
  return MeshAxis{name.getValue(), size.getInt()};
}

FailureOr<SmallVector<MeshAxis>> readMesh(ModuleOp module) {
  SmallVector<MeshAxis> axes;
  Attribute mesh = module->getAttr("mlc.mesh");
  if (!mesh)
    return axes;
  auto entries = dyn_cast<ArrayAttr>(mesh);
  if (!entries)
    return module.emitError("expected a list of axes in mlc.mesh, not ")
           << mesh;
  bool elastic = false;
  for (Attribute entry : entries) {
    FailureOr<MeshAxis> axis = readAxis(module, entry);
    if (failed(axis))
      return failure();
    if (llvm::any_of(axes, [&](const MeshAxis &other) {
          return other.name == axis->name;
        }))
      return module.emitError("mlc.mesh has two axes named \"")
             << axis->name << "\"";
    if (axis->size == MeshOp::kElastic && std::exchange(elastic, true))
      return module.emitError("mlc.mesh has more than one elastic axis");
    axes.push_back(*axis);
  }
  return axes;
}

} // namespace mlc::dist
