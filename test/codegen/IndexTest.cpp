//===- IndexTest.cpp - Slices taken and added at indices ------------------===//
#include "test/codegen/KernelTest.h"

#include <gtest/gtest.h>

using namespace mlc::test;

namespace {

std::string tensor(std::initializer_list<int> shape, const std::string &type) {
  std::string text = "tensor<";
  for (int extent : shape)
    text += std::to_string(extent) + "x";
  return text + type + ">";
}

/// Indices in [0, count) made of any integers.
std::string wrapped(const std::string &type, int count) {
  return "%n = graph.constant dense<" + std::to_string(count) + "> : " + type +
         "\n%i = graph.mod %j, %n : " + type + "\n";
}

TEST(Index, TakesSlices) {
  for (std::string type : {"f32", "f64", "bf16", "i32", "ui8", "i1"})
    for (int inner : {1, 3, 16, 37}) {
      std::string from = tensor({7, inner}, type),
                  to = tensor({5, 3, inner}, type);
      for (std::string index : {"i32", "i64", "ui8"}) {
        std::string indices = tensor({5, 3}, index);
        checkBody("%x: " + from + ", %j: " + indices, to,
                  wrapped(indices, 7) + "%0 = graph.gather %x, %i dim = 0 : " +
                      from + ", " + indices + " to " + to +
                      "\nplan.return %0 : " + to + "\n");
      }
    }
}

TEST(Index, TakesAlongTheOthersAndGoesOn) {
  for (int inner : {1, 5, 48}) {
    std::string from = tensor({2, 9, inner}, "f32"),
                to = tensor({2, 11, inner}, "f32");
    checkBody("%x: " + from + ", %j: tensor<11xi32>, %y: " + to, to + ", " + to,
              wrapped("tensor<11xi32>", 9) +
                  "%0 = graph.gather %x, %i dim = 1 : " + from +
                  ", tensor<11xi32> to " + to + "\n%1 = graph.add %0, %y : " +
                  to + "\nplan.return %0, %1 : " + to + ", " + to + "\n");
  }
  checkBody("%x: tensor<6x9xf32>, %j: tensor<i32>", "tensor<6xf32>",
            wrapped("tensor<i32>", 9) +
                "%0 = graph.gather %x, %i dim = 1 : tensor<6x9xf32>, "
                "tensor<i32> to tensor<6xf32>\nplan.return %0 : "
                "tensor<6xf32>\n");
}

TEST(Index, AddsSlices) {
  for (std::string type : {"f32", "f64", "bf16", "f16", "i32", "i64", "ui8"})
    for (int inner : {1, 3, 16, 37})
      for (int extent : {1, 7, 3000}) {
        std::string from = tensor({2, 5, 3, inner}, type),
                    to = tensor({2, extent, inner}, type);
        checkBody("%x: " + from + ", %j: tensor<5x3xi32>", to,
                  wrapped("tensor<5x3xi32>", extent) +
                      "%0 = graph.scatter_add %x, %i dim = 1 : " + from +
                      ", tensor<5x3xi32> to " + to +
                      "\nplan.return %0 : " + to + "\n");
      }
}

TEST(Index, AddsWhatIsComputedOnLoad) {
  checkBody("%x: tensor<40x64xf32>, %y: tensor<40x64xf32>, %j: tensor<40xi32>",
            "tensor<500x64xf32>",
            wrapped("tensor<40xi32>", 500) +
                R"(
    %p = graph.mul %x, %y : tensor<40x64xf32>
    %0 = graph.scatter_add %p, %i dim = 0 : tensor<40x64xf32>, tensor<40xi32> to tensor<500x64xf32>
    plan.return %0 : tensor<500x64xf32>
  )");
}

} // namespace
