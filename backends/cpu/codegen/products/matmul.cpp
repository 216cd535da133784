// Matmuls by tiles of the result in registers: each step of the depth multiplies a row of b by one number of each row
// of a.
#include "backends/cpu/codegen/products/matmul.h"

#include <cmath>

#include "backends/cpu/codegen/kernel.h"
#include "backends/cpu/codegen/vector_memory.h"

namespace weft::cpu {

namespace {

class MatmulEmitter {
 public:
  MatmulEmitter(Code& code, const std::string& name, const MatmulPlan& plan)
      : code_(code),
        plan_(plan),
        function_(begin_function(code, name, {code.pointer, code.pointer, code.i64, code.i64})),
        a_(buffer(plan.a_buffer)),
        b_(buffer(plan.b_buffer)),
        bias_(plan.bias ? buffer(2) : nullptr),
        result_(buffer(plan.bias ? 3 : 2)),
        scratch_(LLVMGetParam(function_, 1)) {}

  void run() {
    code_.loop(LLVMGetParam(function_, 2), LLVMGetParam(function_, 3), 1, "chunk",
               [&](LLVMValueRef index) { chunk(index); });
    LLVMBuildRetVoid(code_.builder);
  }

 private:
  // The current part of the result and of the depth.
  struct Part {
    LLVMValueRef row_begin, row_end, column_begin, column_end;
    LLVMValueRef depth_begin, depth_count;
    LLVMValueRef is_first, is_last;  // whether the part of the depth is the first or last; null if there is only one
    LLVMValueRef panel;              // the start of this part of b's panel
    std::int64_t panel_stride;       // between its rows
  };
  // The sums of one tile: by independent sum, row and vector.
  struct Sums {
    std::int64_t count, rows, vectors;
    std::vector<LLVMValueRef> places;
    LLVMValueRef place(std::int64_t sum, std::int64_t row, std::int64_t vector) const {
      return places[std::size_t((sum * rows + row) * vectors + vector)];
    }
  };

  std::int64_t rows() const { return plan_.result.rows; }
  std::int64_t columns() const { return plan_.result.columns; }
  std::int64_t depth() const { return plan_.depth(); }

  LLVMValueRef buffer(int index) {
    LLVMValueRef place = code_.at(code_.pointer, LLVMGetParam(function_, 0), code_.number(index));
    return LLVMBuildLoad2(code_.builder, code_.pointer, place, "");
  }
  LLVMValueRef times(LLVMValueRef index, std::int64_t stride) { return code_.multiply(index, code_.number(stride)); }
  // Element [i, j] of a matrix.
  LLVMValueRef element(LLVMValueRef base, const Matrix& matrix, LLVMValueRef i, LLVMValueRef j) {
    return code_.at(code_.f32, base, code_.add(times(i, matrix.row_stride), times(j, matrix.column_stride)));
  }
  LLVMValueRef after(LLVMValueRef base, std::int64_t numbers) {
    return code_.at(code_.f32, base, code_.number(numbers));
  }
  Value vector_at(LLVMValueRef place, LLVMValueRef mask) {
    return {code_, load_vector(code_, code_.f32, place, 1, mask, 4)};
  }
  Value number_at(LLVMValueRef place) { return {code_, load_vector(code_, code_.f32, place, 0, nullptr, 4)}; }
  Value read(LLVMValueRef place) { return {code_, LLVMBuildLoad2(code_.builder, code_.vector(Kind::f32), place, "")}; }
  void write(const Value& value, LLVMValueRef place) {
    LLVMBuildStore(code_.builder, value.as(code_, Kind::f32), place);
  }
  // A mask of the first lanes; null for all or more.
  LLVMValueRef first_lanes(std::int64_t count) {
    if (count >= code_.width) return nullptr;
    return lt(Value(code_, code_.lane_numbers(Kind::i32)), double(count)).llvm();
  }

  // Chunks and parts

  void range(LLVMValueRef index, std::int64_t part, std::int64_t parts, std::int64_t size, LLVMValueRef& begin,
             LLVMValueRef& end) {
    begin = parts == 1 ? code_.number(0) : times(index, part);
    end = parts == 1 ? code_.number(size) : code_.least(code_.add(begin, code_.number(part)), code_.number(size));
  }

  void chunk(LLVMValueRef index) {
    Part part{};
    LLVMValueRef row_chunk = code_.number(0), column_chunk = index;
    if (plan_.row_chunks > 1) {
      column_chunk = LLVMBuildUDiv(code_.builder, index, code_.number(plan_.row_chunks), "");
      row_chunk = LLVMBuildURem(code_.builder, index, code_.number(plan_.row_chunks), "");
    }
    range(row_chunk, plan_.rows_per_chunk, plan_.row_chunks, rows(), part.row_begin, part.row_end);
    range(column_chunk, plan_.columns_per_chunk, plan_.column_chunks, columns(), part.column_begin, part.column_end);
    if (plan_.form == ProductForm::dots) return dots(part);
    if (plan_.depth_block >= depth()) {
      part.depth_begin = code_.number(0);
      part.depth_count = code_.number(depth());
      return panel(part, index);
    }
    code_.loop(code_.number(0), code_.number(depth()), plan_.depth_block, "depth", [&](LLVMValueRef begin) {
      part.depth_begin = begin;
      part.depth_count =
          code_.least(code_.number(plan_.depth_block), LLVMBuildSub(code_.builder, code_.number(depth()), begin, ""));
      part.is_first = code_.compare(LLVMIntEQ, begin, code_.number(0));
      part.is_last =
          code_.compare(LLVMIntSGE, code_.add(begin, code_.number(plan_.depth_block)), code_.number(depth()));
      panel(part, index);
    });
  }

  // Multiplies all rows of the chunk by one panel: a whole one, or the last, which may be narrower.
  void panel(Part& part, LLVMValueRef chunk) {
    if (plan_.form == ProductForm::packed) {
      part.panel = code_.at(code_.f32, scratch_, times(chunk, plan_.panel_numbers()));
      part.panel_stride = plan_.tile_columns;
      pack(part);
    } else {
      part.panel = element(b_, plan_.b, part.depth_begin, part.column_begin);
      part.panel_stride = plan_.b.row_stride;
    }
    either(columns(), plan_.tile_columns, part.column_begin, [&](std::int64_t count) { rows_of(part, count); });
  }

  // Calls body(step) if a step of `size` numbers from `begin` is whole, and body(size % step) if it is the last.
  template <typename Body>
  void either(std::int64_t size, std::int64_t step, LLVMValueRef begin, Body body) {
    const std::int64_t rest = size % step;
    if (rest == 0 || size < step) return body(std::min(step, size));
    LLVMValueRef whole = code_.compare(LLVMIntSLE, begin, code_.number(size - step));
    code_.if_true(whole, [&] { body(step); });
    code_.if_true(LLVMBuildNot(code_.builder, whole, ""), [&] { body(rest); });
  }

  // Calls body(index, count) for whole steps from `begin` to `end`, and for the rest if `end` is the end of everything.
  template <typename Body>
  void steps(LLVMValueRef begin, LLVMValueRef end, std::int64_t size, std::int64_t step, const char* name, Body body) {
    const std::int64_t rest = size % step;
    if (size >= step)
      code_.loop(begin, code_.least(end, code_.number(size - rest)), step, name,
                 [&](LLVMValueRef index) { body(index, step); });
    if (rest == 0) return;
    code_.if_true(code_.compare(LLVMIntEQ, end, code_.number(size)), [&] { body(code_.number(size - rest), rest); });
  }

  void rows_of(const Part& part, std::int64_t count) {
    steps(part.row_begin, part.row_end, rows(), plan_.tile_rows, "row",
          [&](LLVMValueRef row, std::int64_t tile_rows) { tile(part, row, tile_rows, count); });
  }

  // Tiles

  Sums make_sums(std::int64_t tile_rows, std::int64_t vectors, std::int64_t count) {
    Sums sums{count, tile_rows, vectors, {}};
    for (std::int64_t i = 0; i < count * tile_rows * vectors; ++i)
      sums.places.push_back(code_.local(code_.vector(Kind::f32)));
    return sums;
  }

  void tile(const Part& part, LLVMValueRef row, std::int64_t tile_rows, std::int64_t count) {
    const std::int64_t vectors = (count + code_.width - 1) / code_.width;
    const Sums sums = make_sums(tile_rows, vectors, plan_.sums);
    LLVMValueRef result = element(result_, plan_.result, row, part.column_begin);
    start(sums, part, row, result, count);
    multiply(sums, part, row, count);
    finish(sums, part, result, count);
  }

  LLVMValueRef mask_of(std::int64_t count, std::int64_t vector) { return first_lanes(count - vector * code_.width); }

  template <typename Body>
  void each(const Sums& sums, Body body) {
    for (std::int64_t row = 0; row < sums.rows; ++row)
      for (std::int64_t vector = 0; vector < sums.vectors; ++vector) body(row, vector);
  }

  LLVMValueRef place_of(LLVMValueRef result, std::int64_t row, std::int64_t vector) {
    return after(result, row * plan_.result.row_stride + vector * code_.width);
  }

  // Initialises the first sums with the bias, or with the current result.
  void start(const Sums& sums, const Part& part, LLVMValueRef row, LLVMValueRef result, std::int64_t count) {
    each(sums, [&](std::int64_t i, std::int64_t j) {
      for (std::int64_t sum = 1; sum < sums.count; ++sum) write(0.0, sums.place(sum, i, j));
    });
    const auto from_result = [&] {
      each(sums, [&](std::int64_t i, std::int64_t j) {
        write(vector_at(place_of(result, i, j), mask_of(count, j)), sums.place(0, i, j));
      });
    };
    if (plan_.accumulate) return from_result();
    each(sums, [&](std::int64_t i, std::int64_t j) { write(first_of(part, row, i, j, count), sums.place(0, i, j)); });
    if (part.is_first) code_.if_true(LLVMBuildNot(code_.builder, part.is_first, ""), from_result);
  }

  Value first_of(const Part& part, LLVMValueRef row, std::int64_t i, std::int64_t vector, std::int64_t count) {
    if (!bias_) return 0.0;
    if (plan_.bias_by_row) return number_at(after(code_.at(code_.f32, bias_, row), i));
    return vector_at(after(code_.at(code_.f32, bias_, part.column_begin), vector * code_.width),
                     mask_of(count, vector));
  }

  // The loop over the depth, `sums.count` steps at a time.
  void multiply(const Sums& sums, const Part& part, LLVMValueRef row, std::int64_t count) {
    LLVMValueRef a = code_.local(code_.pointer, nullptr, 8), b = code_.local(code_.pointer, nullptr, 8);
    LLVMBuildStore(code_.builder, element(a_, plan_.a, row, part.depth_begin), a);
    LLVMBuildStore(code_.builder, part.panel, b);
    const auto loop = [&](LLVMValueRef begin, LLVMValueRef end, std::int64_t steps) {
      code_.loop(begin, end, steps, "k", [&](LLVMValueRef) {
        LLVMValueRef a_now = LLVMBuildLoad2(code_.builder, code_.pointer, a, "");
        LLVMValueRef b_now = LLVMBuildLoad2(code_.builder, code_.pointer, b, "");
        for (std::int64_t step = 0; step < steps; ++step)
          step_of(sums, step, after(a_now, step * plan_.a.column_stride), after(b_now, step * part.panel_stride),
                  count);
        LLVMBuildStore(code_.builder, after(a_now, steps * plan_.a.column_stride), a);
        LLVMBuildStore(code_.builder, after(b_now, steps * part.panel_stride), b);
      });
    };
    if (sums.count == 1) return loop(code_.number(0), part.depth_count, 1);
    LLVMValueRef rest = LLVMBuildURem(code_.builder, part.depth_count, code_.number(sums.count), "");
    LLVMValueRef whole = LLVMBuildSub(code_.builder, part.depth_count, rest, "");
    loop(code_.number(0), whole, sums.count);
    loop(whole, part.depth_count, 1);
  }

  void step_of(const Sums& sums, std::int64_t sum, LLVMValueRef a, LLVMValueRef b, std::int64_t count) {
    std::vector<Value> b_row;
    for (std::int64_t j = 0; j < sums.vectors; ++j) {
      LLVMValueRef mask = plan_.form == ProductForm::packed ? nullptr : mask_of(count, j);
      b_row.push_back(vector_at(after(b, j * code_.width), mask));
    }
    for (std::int64_t i = 0; i < sums.rows; ++i) {
      const Value number = number_at(after(a, i * plan_.a.row_stride));
      for (std::int64_t j = 0; j < sums.vectors; ++j) {
        LLVMValueRef place = sums.place(sum, i, j);
        write(fma(number, b_row[std::size_t(j)], read(place)), place);
      }
    }
  }

  void finish(const Sums& sums, const Part& part, LLVMValueRef result, std::int64_t count) {
    // The lower bound for relu: nothing is cut off before the whole depth is added.
    Value least = 0.0;
    if (plan_.relu && part.is_last) {
      LLVMValueRef zero = LLVMConstReal(code_.f32, 0), none = LLVMConstReal(code_.f32, -INFINITY);
      least = {code_, code_.splat(LLVMBuildSelect(code_.builder, part.is_last, zero, none, ""))};
    }
    each(sums, [&](std::int64_t i, std::int64_t j) {
      Value total = read(sums.place(0, i, j));
      for (std::int64_t sum = 1; sum < sums.count; ++sum) total = total + read(sums.place(sum, i, j));
      if (plan_.relu) total = choose(lt(total, least), least, total);
      store_vector(code_, total.llvm(), place_of(result, i, j), 1, mask_of(count, j), 4);
    });
  }

  // Packs rows of the panel: copies them, or transposes squares of b's columns.

  void copy_rows(const Part& part) {
    either(columns(), plan_.tile_columns, part.column_begin, [&](std::int64_t count) {
      code_.loop(code_.number(0), part.depth_count, 1, "k", [&](LLVMValueRef k) {
        LLVMValueRef from = element(b_, plan_.b, code_.add(part.depth_begin, k), part.column_begin);
        LLVMValueRef to = code_.at(code_.f32, part.panel, times(k, plan_.tile_columns));
        for (std::int64_t j = 0; j < count; j += code_.width)
          write(vector_at(after(from, j), first_lanes(count - j)), after(to, j));
      });
    });
  }

  void pack(const Part& part) {
    if (plan_.b.column_stride == 1) return copy_rows(part);
    const std::int64_t width = code_.width;
    LLVMValueRef end =
        code_.least(code_.add(part.column_begin, code_.number(plan_.tile_columns)), code_.number(columns()));
    LLVMValueRef depth_end = code_.add(part.depth_begin, part.depth_count);
    steps(part.column_begin, end, columns(), width, "column", [&](LLVMValueRef column, std::int64_t count) {
      LLVMValueRef to = code_.at(code_.f32, part.panel, LLVMBuildSub(code_.builder, column, part.column_begin, ""));
      steps(part.depth_begin, depth_end, depth(), width, "k", [&](LLVMValueRef k, std::int64_t depth_count) {
        LLVMValueRef from = element(b_, plan_.b, k, column);
        LLVMValueRef row = LLVMBuildSub(code_.builder, k, part.depth_begin, "");
        pack_square(from, code_.at(code_.f32, to, times(row, plan_.tile_columns)), count, depth_count);
      });
    });
  }

  void pack_square(LLVMValueRef from, LLVMValueRef to, std::int64_t count, std::int64_t depth_count) {
    std::vector<LLVMValueRef> vectors;
    for (std::int64_t j = 0; j < code_.width; ++j)
      vectors.push_back(j < count ? vector_at(after(from, j * plan_.b.column_stride), first_lanes(depth_count)).llvm()
                                  : LLVMConstNull(code_.vector(Kind::f32)));
    vectors = transposed(code_, std::move(vectors));
    for (std::int64_t k = 0; k < depth_count; ++k)
      write({code_, vectors[std::size_t(k)]}, after(to, k * plan_.tile_columns));
  }

  // Dot products

  void dots(const Part& part) {
    steps(part.row_begin, part.row_end, rows(), plan_.tile_rows, "row", [&](LLVMValueRef row, std::int64_t tile_rows) {
      steps(part.column_begin, part.column_end, columns(), plan_.tile_columns, "column",
            [&](LLVMValueRef column, std::int64_t count) { dot_tile(row, tile_rows, column, count); });
    });
  }

  // Each number has kDotSums sums, which are several vectors where vectors are shorter.
  void dot_tile(LLVMValueRef row, std::int64_t tile_rows, LLVMValueRef column, std::int64_t count) {
    const int parts = kDotSums / code_.width;
    const Sums sums = make_sums(tile_rows, count, parts);
    for (LLVMValueRef place : sums.places) write(0.0, place);
    steps(code_.number(0), code_.number(depth()), depth(), kDotSums, "k", [&](LLVMValueRef k, std::int64_t lanes) {
      for (std::int64_t part = 0; part < parts; ++part)
        if (lanes > part * code_.width)
          dot_step(sums, part, row, column, code_.add(k, code_.number(part * code_.width)),
                   first_lanes(lanes - part * code_.width));
    });
    each(sums, [&](std::int64_t i, std::int64_t j) {
      std::vector<Value> lanes;
      for (std::int64_t part = 0; part < parts; ++part) lanes.push_back(read(sums.place(part, i, j)));
      for (; lanes.size() > 1; lanes.resize(lanes.size() / 2))  // as across_lanes halves one long vector
        for (std::size_t part = 0; part < lanes.size() / 2; ++part)
          lanes[part] = lanes[part] + lanes[part + lanes.size() / 2];
      store_dot(lanes[0], code_.add(row, code_.number(i)), code_.add(column, code_.number(j)));
    });
  }

  void dot_step(const Sums& sums, std::int64_t part, LLVMValueRef row, LLVMValueRef column, LLVMValueRef k,
                LLVMValueRef mask) {
    LLVMValueRef a = element(a_, plan_.a, row, k), b = element(b_, plan_.b, k, column);
    std::vector<Value> b_columns;
    for (std::int64_t j = 0; j < sums.vectors; ++j)
      b_columns.push_back(vector_at(after(b, j * plan_.b.column_stride), mask));
    for (std::int64_t i = 0; i < sums.rows; ++i) {
      const Value a_row = vector_at(after(a, i * plan_.a.row_stride), mask);
      for (std::int64_t j = 0; j < sums.vectors; ++j) {
        LLVMValueRef place = sums.place(part, i, j);
        write(fma(a_row, b_columns[std::size_t(j)], read(place)), place);
      }
    }
  }

  void store_dot(const Value& sum, LLVMValueRef row, LLVMValueRef column) {
    LLVMValueRef place = element(result_, plan_.result, row, column);
    Value total(code_, code_.splat(across_lanes(ir::OpCode::reduce_sum, sum)));
    if (bias_) total = total + number_at(code_.at(code_.f32, bias_, plan_.bias_by_row ? row : column));
    if (plan_.accumulate) total = total + number_at(place);
    if (plan_.relu) total = choose(lt(total, 0.0), 0.0, total);
    store_vector(code_, total.llvm(), place, 0, nullptr, 4);
  }

  Code& code_;
  const MatmulPlan& plan_;
  LLVMValueRef function_;
  LLVMValueRef a_, b_, bias_, result_, scratch_;
};

}  // namespace

// Exchanges halves, then quarters and so on, between vectors at that distance.
std::vector<LLVMValueRef> transposed(Code& code, std::vector<LLVMValueRef> vectors) {
  const int width = code.width;
  const auto shuffle = [&](LLVMValueRef a, LLVMValueRef b, auto lane_of) {
    std::vector<LLVMValueRef> lanes;
    for (int lane = 0; lane < width; ++lane)
      lanes.push_back(LLVMConstInt(code.i32, static_cast<unsigned long long>(lane_of(lane)), 0));
    return LLVMBuildShuffleVector(code.builder, a, b, LLVMConstVector(lanes.data(), unsigned(width)), "");
  };
  for (int step = width / 2; step > 0; step /= 2)
    for (int i = 0; i < width; ++i) {
      if ((i & step) != 0) continue;
      LLVMValueRef &upper = vectors[std::size_t(i)], &lower = vectors[std::size_t(i + step)];
      LLVMValueRef left = shuffle(upper, lower, [&](int lane) { return (lane & step) ? width + lane - step : lane; });
      LLVMValueRef right = shuffle(upper, lower, [&](int lane) { return (lane & step) ? width + lane : lane + step; });
      upper = left;
      lower = right;
    }
  return vectors;
}

void emit_matmul(Code& code, const std::string& name, const MatmulPlan& plan) { MatmulEmitter(code, name, plan).run(); }

}  // namespace weft::cpu
