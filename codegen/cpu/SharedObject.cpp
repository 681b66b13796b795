//===- SharedObject.cpp - LLVM dialect to an ELF shared object ------------===//
//
// Copies the llvm.funcs into a module of their own, translates it, optimizes it
// with a short pipeline (kernels come already vectorized and unrolled as they
// should be) and links in process. Nothing of the machine (paths, time) enters.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/CpuCodegen.h"
#include "codegen/cpu/Linker.h"
#include "ir/plan/PlanOps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace mlc {

namespace {

// Loops stay rolled and vectors as written; no pass here may introduce a call
// to memcpy or memset (so no loop-idiom), as nothing would define them.
constexpr const char *kPipeline =
    "function(sroa,early-cse<memssa>,simplifycfg,"
    "instcombine<no-verify-fixpoint>,loop-mssa(loop-rotate,licm),simplifycfg,"
    "instcombine<no-verify-fixpoint>,gvn,loop-mssa(licm),adce,simplifycfg)";

// Code may use the target's features and no other: the processor's name only
// tunes.
constexpr const char *kBaseCpu = "x86-64";

std::unique_ptr<llvm::TargetMachine> createMachine(const CpuTarget &target,
                                                   std::string &error) {
  llvm::Triple triple(target.triple);
  const llvm::Target *known = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!known)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard; // the `contract` flags
  options.FunctionSections = false;
  return std::unique_ptr<llvm::TargetMachine>(known->createTargetMachine(
      triple, kBaseCpu, target.featureString(), options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

// A module of only the code: no plan, graph or other op.
OwningOpRef<ModuleOp> copyCode(ModuleOp module) {
  OpBuilder builder(module.getContext());
  OwningOpRef<ModuleOp> code = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(code->getBody());
  for (Operation &op : *module.getBody())
    if (isa<LLVM::LLVMFuncOp, LLVM::GlobalOp>(op))
      builder.clone(op);
  return code;
}

std::unique_ptr<llvm::Module> translate(ModuleOp module,
                                        const CpuTarget &target,
                                        llvm::TargetMachine &machine,
                                        llvm::LLVMContext &context) {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  OwningOpRef<ModuleOp> code = copyCode(module);
  std::unique_ptr<llvm::Module> result =
      translateModuleToLLVMIR(*code, context, "kernels");
  if (!result)
    return nullptr;
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  result->setSourceFileName("kernels");
  result->setPICLevel(llvm::PICLevel::BigPIC);
  for (llvm::Function &function : *result) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("tune-cpu", target.cpu);
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr("no-builtins");
    if (target.lanes == 16)
      function.addFnAttr("prefer-vector-width", "512");
  }
  return result;
}

LogicalResult optimize(ModuleOp module, llvm::Module &code,
                       llvm::TargetMachine &machine) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (llvm::verifyModule(code, &os))
    return module.emitError("generated code does not verify: ") << text;

  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = tuning.LoopVectorization = tuning.SLPVectorization =
      false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  llvm::ModulePassManager passes;
  if (llvm::Error error = builder.parsePassPipeline(passes, kPipeline))
    return module.emitError("pass pipeline: ")
           << llvm::toString(std::move(error));
  passes.run(code, modules);
  return success();
}

} // namespace

FailureOr<std::string> emitSharedObject(ModuleOp module,
                                        const CpuTarget &target) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(target, error);
  if (!machine)
    return module.emitError("no code generator for the target: ") << error;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translate(module, target, *machine, context);
  if (!code || failed(optimize(module, *code, *machine)))
    return failure();

  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager emitter;
  if (machine->addPassesToEmitFile(emitter, stream, nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return module.emitError("the target cannot write object files");
  emitter.run(*code);

  std::string linked;
  if (!linkSharedObject({object.data(), object.size()}, linked, error))
    return module.emitError("linking the kernels failed: ") << error;
  return linked;
}

LogicalResult linkKernels(ModuleOp module, const CpuTarget &target) {
  FailureOr<std::string> object = emitSharedObject(module, target);
  if (failed(object))
    return failure();
  for (Operation &op :
       llvm::make_early_inc_range(module.getBody()->getOperations()))
    if (isa_and_present<LLVM::LLVMDialect>(op.getDialect()))
      op.erase();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<StringRef> features(target.features.begin(),
                                  target.features.end());
  plan::BinaryOp::create(builder, module.getLoc(),
                         builder.getStringAttr(target.cpu),
                         builder.getStrArrayAttr(features),
                         builder.getStringAttr(llvm::toHex(*object, true)));
  return success();
}

LogicalResult printLlvm(ModuleOp module, const CpuTarget &target,
                        llvm::raw_ostream &os) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(target, error);
  if (!machine)
    return module.emitError("no code generator for the target: ") << error;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translate(module, target, *machine, context);
  if (!code || failed(optimize(module, *code, *machine)))
    return failure();
  code->print(os, nullptr);
  return success();
}

void registerCpuCodegenDialects(DialectRegistry &registry) {
  registry.insert<LLVM::LLVMDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

} // namespace mlc
