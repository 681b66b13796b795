//===- Blocks.h - Checks data, train and parallel -------------------------===//

#ifndef MLC_FRONTEND_BLOCKS_H
#define MLC_FRONTEND_BLOCKS_H

#include "frontend/Elaborator.h"
#include "ir/graph/Hyperparameters.h"

namespace mlc::frontend {

/// A field of a block after `--set`: the last one wins.
struct Field {
  const ast::Expr *value = nullptr;
  Span name;
};

class BlockChecker {
public:
  BlockChecker(CheckContext &context, Elaborator &model)
      : context(context), model(model) {}

  /// Reads `precision` before the model is elaborated: it decides `float`.
  static DType readPrecision(CheckContext &context, const Field *field,
                             std::string &spelling);
  void checkData(const ast::DataDecl *data);
  void checkTrain(const ast::TrainDecl *train,
                  const std::map<std::string, Field> &fields);
  void checkParallel(const ast::ParallelDecl *parallel,
                     const std::optional<std::string> &mesh);
  static const std::vector<std::string> &trainFields();
  /// Beside the hyper-parameters of the optimizer.
  static const std::vector<std::string> &groupFields();
  static const std::vector<std::string> &optimizerNames();
  static const std::vector<std::string> &scheduleNames();
  static const std::vector<std::string> &readerNames();

private:
  std::optional<int64_t> integer(const Field *field, const char *name,
                                 int64_t least);
  std::optional<double> number(const ast::Expr &expr, const std::string &name,
                               double least);
  std::optional<int64_t> whole(const ast::Expr &expr, const std::string &name,
                               int64_t least);
  std::optional<std::string> word(const ast::Expr &expr, const char *what,
                                  const std::vector<std::string> &known);
  bool range(const ast::Expr &expr, const char *what, int64_t &first,
             int64_t &last);
  void checkOptimizer(const ast::Expr &expr);
  /// Sets one hyper-parameter of an optimizer or a group.
  void setHyperparameter(const graph::Hyperparameter &which,
                         const ast::Expr &expr, Hyperparameters &values);
  std::optional<double> bounded(const graph::Hyperparameter &which,
                                const ast::Expr &expr);
  bool checkSchedule(const ast::Expr &expr, Schedule &schedule);
  /// Fills in the steps of the whole training, or says that they are unknown.
  bool completeTotal(Schedule &schedule, Span span);
  /// Notes that `name` is given; or an error, if it was before.
  bool isFirst(const ast::Argument &argument, const std::string &name,
               std::map<std::string, Span> &given);
  void checkBest(const Field &field);
  void checkGroup(const ast::Group &group);
  /// That the hyper-parameters of each parameter fit together.
  void checkConflicts();
  void checkSplit(const ast::Setting &setting);
  /// The readers of one file, whose columns are ranges: csv, text, bin.
  void checkColumns(const ast::CallExpr &call, SplitInfo &split);
  void checkFlag(const ast::Argument &argument, bool &flag);
  bool fractions(const ast::Expr &expr, double &first, double &last);
  bool checkWidth(const InputInfo &input, int64_t first, int64_t last,
                  Span span);
  const InputInfo *findInput(const ast::Name &name);
  void checkAllBound(const SplitInfo &split, Span span);

  CheckContext &context;
  Elaborator &model;
};

} // namespace mlc::frontend

#endif // MLC_FRONTEND_BLOCKS_H
