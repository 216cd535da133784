// Places buffers with known lifetimes in one arena.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

namespace weft::passes {

// Gives each buffer the lowest offset that no earlier buffer occupies in any of its steps. Takes logarithmic time in
// steps and buffers if neighbours fill the arena without gaps, as they usually do.
class Offsets {
 public:
  explicit Offsets(int steps);

  // For `bytes` > 0 in the steps from `first` to `last`, both within [0, steps).
  std::size_t place(std::size_t bytes, int first, int last);

 private:
  // Bytes in use, as disjoint ranges: begin -> end.
  struct Ranges {
    std::map<std::size_t, std::size_t> ranges;
    void add(std::size_t begin, std::size_t end);
    // The end of the last range that overlaps [begin, end), or `begin` if none does.
    std::size_t end_of_clash(std::size_t begin, std::size_t end) const;
  };

  // Visits the tree nodes that make up [first, last], and their ancestors.
  template <typename Whole, typename Above>
  void walk(int first, int last, const Whole& whole, const Above& above);

  int leaves_ = 1;
  std::vector<Ranges> throughout_;  // by node: buffers that live in all of its steps, but not in all of its parent's
  std::vector<Ranges> sometime_;    // by node: buffers that live in any of its steps
};

}  // namespace weft::passes
