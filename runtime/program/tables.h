// Tables of a program (runtime/artefact/tables.h) made in this process.
#pragma once

#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "runtime/program/fields.h"

namespace weft::runtime {

// Owns tables, and the texts and lists that they point to.
class Tables {
 public:
  const char* text(std::string_view text);
  template <typename Table>
  Table* keep(const Table& table) {
    return new (memory_->allocate(sizeof(Table), alignof(Table))) Table(table);
  }
  // A copy of the items; null if there are none.
  template <typename Item>
  const Item* list(const std::vector<Item>& items) {
    if (items.empty()) return nullptr;
    // NOLINTNEXTLINE(bugprone-sizeof-expression): the items may be pointers
    auto* copy = static_cast<Item*>(memory_->allocate(items.size() * sizeof(Item), alignof(Item)));
    std::uninitialized_copy(items.begin(), items.end(), copy);
    return copy;
  }

 private:
  std::unique_ptr<std::pmr::monotonic_buffer_resource> memory_ =
      std::make_unique<std::pmr::monotonic_buffer_resource>();
};

weft_type table_of(const ir::Type& type);           // with static dims
weft_layout layout_table(const std::string& text);  // ir/memory_layout.h

// The ports of a graph, without their offsets.
std::vector<weft_port> input_tables(const ir::Graph& graph, Tables& tables);
std::vector<weft_port> output_tables(const ir::Graph& graph, Tables& tables);

// A program as text: its ports, then two lines a step, operands and fields.
std::string print(const weft_program& program);

}  // namespace weft::runtime
