# How our libraries use MLIR: the shared libMLIR and libLLVM, system headers,
# and one precompiled header with what nearly every file includes.

list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# Where `include` of .td files looks: MLIR's and ours.
list(APPEND LLVM_TABLEGEN_FLAGS -I${PROJECT_SOURCE_DIR})
foreach(dir IN LISTS MLIR_INCLUDE_DIRS LLVM_INCLUDE_DIRS)
  list(APPEND LLVM_TABLEGEN_FLAGS -I${dir})
endforeach()

add_library(mlc_mlir INTERFACE)
target_include_directories(mlc_mlir SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
separate_arguments(MLC_LLVM_DEFINITIONS NATIVE_COMMAND ${LLVM_DEFINITIONS})
target_compile_definitions(mlc_mlir INTERFACE ${MLC_LLVM_DEFINITIONS})
target_link_libraries(mlc_mlir INTERFACE MLIR LLVM)

# One precompiled header, built once and reused by every MLIR library.
file(WRITE ${PROJECT_BINARY_DIR}/MlcPch.cpp.in "// Anchor of the precompiled header.\n")
configure_file(${PROJECT_BINARY_DIR}/MlcPch.cpp.in ${PROJECT_BINARY_DIR}/MlcPch.cpp COPYONLY)
add_library(mlc_pch OBJECT ${PROJECT_BINARY_DIR}/MlcPch.cpp)
target_link_libraries(mlc_pch PRIVATE mlc_mlir mlc_options)
target_precompile_headers(mlc_pch PRIVATE
  <mlir/IR/Builders.h> <mlir/IR/BuiltinAttributes.h> <mlir/IR/BuiltinOps.h>
  <mlir/IR/BuiltinTypes.h> <mlir/IR/OpImplementation.h> <mlir/IR/PatternMatch.h>
  <mlir/Dialect/Func/IR/FuncOps.h> <mlir/Pass/Pass.h> <llvm/ADT/TypeSwitch.h>)

# mlc_mlir_library(NAME SOURCES... [LINK targets...] [DEPENDS tablegen targets...])
function(mlc_mlir_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} mlc_mlir PRIVATE mlc_options)
  target_precompile_headers(${name} REUSE_FROM mlc_pch)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# mlc_tablegen(TARGET FILE.td OUTPUT FLAGS... [OUTPUT FLAGS...]) is spelled with
# MLIR's own macros: set(LLVM_TARGET_DEFINITIONS X.td), mlir_tablegen(X.h.inc
# -gen-op-decls), add_public_tablegen_target(X). Generated files land in
# build/<dir>/ and are included as "ir/graph/GraphOps.h.inc".
