//===- SourceLines.cpp - The source places behind a location --------------===//

#include "passes/analysis/SourceLines.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace mlc {

SmallVector<FileLineColLoc> getSourceLines(Location loc) {
  SmallVector<FileLineColLoc> lines;
  loc->walk([&](Location inner) {
    auto place = dyn_cast<FileLineColLoc>(inner);
    if (place && !llvm::is_contained(lines, place))
      lines.push_back(place);
    return WalkResult::advance();
  });
  return lines;
}

std::string toString(FileLineColLoc loc) {
  return (loc.getFilename().getValue() + ":" + Twine(loc.getLine()) + ":" +
          Twine(loc.getColumn()))
      .str();
}

} // namespace mlc
