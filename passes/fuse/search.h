// Decides which ops form one kernel, and which values kernels compute again: the first step of pass `fuse`.
//
// Every fusible op starts as a kernel of its own. A move is about one value: it joins a kernel that reads the value to
// the one that makes it, which saves a store and a load; or it joins two that read it, which saves a load; or it lets
// all that read it compute it again, which saves its store and their loads. A move is made if it saves more bytes than
// it costs (price.h), and no path leaves a kernel and returns. Moves are tried in this order, each in the order of the
// program, so that what is fused does not depend on sizes that happen to be equal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "passes/fuse/partition.h"
#include "passes/fuse/price.h"

namespace weft::passes {

// Largest number of ops per kernel, not counting sources. Larger kernels gain nothing and compile in more than linear
// time.
inline constexpr std::size_t kMostMembers = 512;

// A load of a value by a kernel, or its store by the kernel that makes it.
struct Saving {
  ir::ValueId value = ir::kNone;
  std::uint32_t kernel = ir::kNone;
  std::int64_t bytes = 0;
};

class Search {
 public:
  // `graph` must outlive it.
  explicit Search(const kernel::RegionGraph& graph);

  const kernel::RegionGraph& regions() const { return regions_; }
  // The kernel of an op, named by one of its ops; kNone for an op that is not fused or that each reader computes.
  std::uint32_t kernel_of(ir::OpId id) const { return is_fused_[id] ? partition_.node_of(id) : ir::kNone; }
  bool fuses_any() const { return std::find(is_fused_.begin(), is_fused_.end(), true) != is_fused_.end(); }
  const std::vector<ir::OpId>& members(std::uint32_t kernel) const { return partition_.members(kernel); }
  // Whether it computes the value: as an op of its own, or again instead of loading it.
  bool computes(std::uint32_t kernel, ir::ValueId value) const;
  // The kernels that load a value of another or of an unfused op.
  std::set<std::uint32_t> readers(ir::ValueId value) const;
  bool has_detour(std::uint32_t a, std::uint32_t b) const { return partition_.has_detour(a, b); }

  // What one kernel in place of two would pay more, and what it would save.
  Price price_of_joining(std::uint32_t a, std::uint32_t b) const;
  std::vector<Saving> saved_by_joining(std::uint32_t a, std::uint32_t b) const;

  // Number of edges that the searches for detours followed.
  std::int64_t steps() const { return partition_.steps(); }

 private:
  std::int64_t traffic(ir::ValueId value) const;  // bytes of a store or a load; 0 for a single number

  // The moves.
  void join_makers(ir::OpId id);
  void join_readers(ir::ValueId value);
  bool repeat(ir::ValueId value);  // true if it was made: another may then be worth it

  bool try_to_join(std::uint32_t a, std::uint32_t b);
  bool is_too_large(std::uint32_t a, std::uint32_t b) const;
  bool are_plain_alike(std::uint32_t a, std::uint32_t b) const;
  std::set<ir::ValueId> values_read(std::uint32_t kernel) const;
  bool reads_fully(ir::OpId reader, ir::ValueId value) const;

  // What it takes to compute a value again.
  struct Again {
    double work = 0;
    std::set<ir::ValueId> inside;
    std::vector<std::pair<ir::ValueId, double>> loads;  // with their bytes
  };
  std::set<ir::OpId> held(std::uint32_t kernel) const;
  bool add(std::uint32_t home, ir::ValueId value, double most_work, Again& again) const;
  double price_of_repeating(std::uint32_t reader, const Again& again) const;
  bool loads(std::uint32_t kernel, ir::ValueId value) const;
  bool is_stored(ir::ValueId value) const;

  const kernel::RegionGraph& regions_;
  const ir::Graph& graph_;
  Partition partition_;
  std::vector<bool> is_fused_;                  // by op
  std::vector<bool> is_plain_;                  // by kernel: only elementwise and similar ops over the same dims
  std::vector<double> price_;                   // by kernel
  std::vector<std::set<std::uint32_t>> again_;  // by value: the kernels of others that compute it
};

}  // namespace weft::passes
