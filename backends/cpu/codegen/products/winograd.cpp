// Winograd convolutions by blocks of tiles: transforms over channels, 36 products of a block in cache, and the
// transform back.
#include "backends/cpu/codegen/products/winograd.h"

#include <algorithm>

#include "backends/cpu/codegen/kernel.h"
#include "backends/cpu/codegen/products/winograd_transforms.h"
#include "backends/cpu/codegen/vector_memory.h"
#include "ir/integer.h"

namespace weft::cpu {

namespace {

using winograd::in_both;
template <std::size_t Size>
using Square = std::array<std::array<Value, Size>, Size>;

constexpr std::int64_t kProducts = WinogradPlan::kProducts;
constexpr std::int64_t kDepth = 128;  // of a sum: longer ones are added, which rounds less

class WinogradEmitter {
 public:
  WinogradEmitter(Code& code, const WinogradPlan& plan) : code_(code), plan_(plan), shape_(plan.shape) {}

  void run() {
    function_ = begin_function(code_, shape_.name, {code_.pointer, code_.pointer, code_.i64, code_.i64});
    LLVMValueRef begin = LLVMGetParam(function_, 2), end = LLVMGetParam(function_, 3);
    for (int i = 0; i < 3 + (shape_.bias ? 1 : 0); ++i) buffers_.push_back(buffer(i));
    // Chunks of one call follow each other, so that those of `result` need one slot between them.
    if (shape_.part == WinogradPart::result) start_slot(begin);
    code_.loop(begin, end, 1, "chunk", [&](LLVMValueRef chunk) {
      if (shape_.part == WinogradPart::kernels) return kernels(chunk);
      if (shape_.part == WinogradPart::weights) start_slot(chunk);
      blocks(chunk);
    });
    LLVMBuildRetVoid(code_.builder);
    if (shape_.part == WinogradPart::weights) finish();
  }

 private:
  std::int64_t in() const { return shape_.in; }
  std::int64_t out() const { return shape_.out; }
  std::int64_t made() const { return plan_.made(); }

  LLVMValueRef buffer(int index) {
    if (shape_.part == WinogradPart::kernels && index > 1) return nullptr;
    LLVMValueRef place = code_.at(code_.pointer, LLVMGetParam(function_, 0), code_.number(index));
    return LLVMBuildLoad2(code_.builder, code_.pointer, place, "");
  }
  LLVMValueRef times(LLVMValueRef index, std::int64_t stride) { return code_.multiply(index, code_.number(stride)); }
  LLVMValueRef minus(LLVMValueRef a, LLVMValueRef b) { return LLVMBuildSub(code_.builder, a, b, ""); }
  LLVMValueRef at(LLVMValueRef base, LLVMValueRef numbers) { return code_.at(code_.f32, base, numbers); }
  LLVMValueRef after(LLVMValueRef base, std::int64_t numbers) { return at(base, code_.number(numbers)); }
  Value read(LLVMValueRef place, std::int64_t stride = 1) {
    return {code_, load_vector(code_, code_.f32, place, stride, nullptr, 4)};
  }
  void write(const Value& value, LLVMValueRef place, std::int64_t stride = 1) {
    store_vector(code_, value.as(code_, Kind::f32), place, stride, nullptr, 4);
  }
  template <typename Body>
  void each_vector(std::int64_t channels, Body body) {
    code_.loop(code_.number(0), code_.number(channels), code_.width, "channel", body);
  }
  void clear(LLVMValueRef place, std::int64_t numbers) {
    each_vector(numbers, [&](LLVMValueRef i) { write(0.0, at(place, i)); });
  }

  // Scratch: zeros for pixels outside of the image, room for those of the result, transformed tiles of both sides, and
  // sums of weights.
  void start_slot(LLVMValueRef slot) {
    zeros_ = at(LLVMGetParam(function_, 1), times(slot, plan_.slot));
    clear(zeros_, std::max(in(), out()));
    outside_ = after(zeros_, std::max(in(), out()));
    of_image_ = after(outside_, out());
    of_result_ = after(of_image_, kProducts * plan_.stride(in()));
    if (shape_.part == WinogradPart::weights) {
      sums_ = after(zeros_, plan_.before_sums());
      clear(sums_, kProducts * in() * made());
    }
  }

  void blocks(LLVMValueRef chunk) {
    LLVMValueRef part = LLVMBuildUDiv(code_.builder, chunk, code_.number(plan_.column_parts), "");
    first_column_ = times(LLVMBuildURem(code_.builder, chunk, code_.number(plan_.column_parts), ""), made());
    const std::int64_t tiles = plan_.blocks_per_part * plan_.block;
    LLVMValueRef begin = times(part, tiles);
    LLVMValueRef end = code_.least(code_.add(begin, code_.number(tiles)), code_.number(shape_.tiles()));
    code_.loop(begin, end, plan_.block, "block", [&](LLVMValueRef first) {
      LLVMValueRef count = code_.least(code_.number(plan_.block), minus(end, first));
      each_tile(first, count, [&](LLVMValueRef tile) { transform_image(tile); });
      if (shape_.part == WinogradPart::weights) {
        each_tile(first, count, [&](LLVMValueRef tile) { transform_gradient(tile); });
        return weight_products(count);
      }
      products(count);
      each_tile(first, count, [&](LLVMValueRef tile) { transform_result(tile); });
    });
  }

  // Tiles

  // Of the current tile: its image, its first row and column, and its place in the block.
  template <typename Body>
  void each_tile(LLVMValueRef first, LLVMValueRef count, Body body) {
    const std::int64_t wide = ceil_div(shape_.width, std::int64_t(4)),
                       all = ceil_div(shape_.height, std::int64_t(4)) * wide;
    code_.loop(code_.number(0), count, 1, "tile", [&](LLVMValueRef tile) {
      LLVMValueRef id = code_.add(first, tile), rest = LLVMBuildURem(code_.builder, id, code_.number(all), "");
      image_ = LLVMBuildUDiv(code_.builder, id, code_.number(all), "");
      row_ = times(LLVMBuildUDiv(code_.builder, rest, code_.number(wide), ""), 4);
      column_ = times(LLVMBuildURem(code_.builder, rest, code_.number(wide), ""), 4);
      body(tile);
    });
  }

  // The pixels of a square around the tile, `before` of them above and left of it; `none` where there is no pixel.
  std::vector<LLVMValueRef> pixels(LLVMValueRef base, std::int64_t channels, std::int64_t size, std::int64_t before,
                                   LLVMValueRef none) {
    const auto inside = [&](LLVMValueRef place, std::int64_t limit) {
      return code_.compare(LLVMIntULT, place, code_.number(limit));
    };
    std::vector<LLVMValueRef> result;
    for (std::int64_t i = 0; i < size; ++i) {
      LLVMValueRef row = code_.add(row_, code_.number(i - before)), row_inside = inside(row, shape_.height);
      LLVMValueRef first = times(code_.add(times(image_, shape_.height), row), shape_.width);
      for (std::int64_t j = 0; j < size; ++j) {
        LLVMValueRef column = code_.add(column_, code_.number(j - before));
        LLVMValueRef both = LLVMBuildAnd(code_.builder, row_inside, inside(column, shape_.width), "");
        LLVMValueRef pixel =
            LLVMBuildGEP2(code_.builder, code_.f32, base, pointer_index(first, column, channels), 1, "");
        const bool always = before == 0 && shape_.height % 4 == 0 && shape_.width % 4 == 0;
        result.push_back(always ? pixel : LLVMBuildSelect(code_.builder, both, pixel, none, ""));
      }
    }
    return result;
  }
  // Not "in bounds": it may be the place of no pixel.
  LLVMValueRef* pointer_index(LLVMValueRef first, LLVMValueRef column, std::int64_t channels) {
    pixel_index_ = times(code_.add(first, column), channels);
    return &pixel_index_;
  }

  template <std::size_t Size>
  Square<Size> read_square(const std::vector<LLVMValueRef>& places, LLVMValueRef channel) {
    Square<Size> square;
    for (std::size_t i = 0; i < Size * Size; ++i) square[i / Size][i % Size] = read(at(places[i], channel));
    return square;
  }

  template <std::size_t Size>
  void write_products(const std::array<winograd::Line<Value>, Size>& lines, LLVMValueRef place, std::int64_t stride) {
    for (std::int64_t e = 0; e < kProducts; ++e)
      write(lines[std::size_t(e / 6)][std::size_t(e % 6)], after(place, e * stride));
  }

  void transform_image(LLVMValueRef tile) {
    const auto places = pixels(buffers_[0], in(), 6, 1, zeros_);
    each_vector(in(), [&](LLVMValueRef channel) {
      const auto lines = in_both(read_square<6>(places, channel), winograd::of_image<Value>);
      write_products(lines, at(of_image_, code_.add(times(tile, in()), channel)), plan_.stride(in()));
    });
  }

  void transform_gradient(LLVMValueRef tile) {
    const auto places = pixels(buffers_[1], out(), 4, 0, zeros_);
    each_vector(made(), [&](LLVMValueRef channel) {
      LLVMValueRef of_pixel = code_.add(first_column_, channel);
      Square<4> square;
      for (std::size_t i = 0; i < 16; ++i) square[i / 4][i % 4] = read(at(places[i], of_pixel));
      const auto lines = in_both(square, winograd::of_gradient<Value>);
      write_products(lines, at(of_result_, code_.add(times(tile, made()), channel)), plan_.stride(made()));
    });
  }

  void transform_result(LLVMValueRef tile) {
    const auto places = pixels(buffers_.back(), out(), 4, 0, outside_);
    each_vector(out(), [&](LLVMValueRef channel) {
      LLVMValueRef from = at(of_result_, code_.add(times(tile, out()), channel));
      Square<6> square;
      for (std::int64_t e = 0; e < kProducts; ++e)
        square[std::size_t(e / 6)][std::size_t(e % 6)] = read(after(from, e * plan_.stride(out())));
      const auto made = in_both(square, winograd::of_result<Value>);
      for (std::size_t i = 0; i < 16; ++i) write(finished(made[i / 4][i % 4], channel), at(places[i], channel));
    });
  }

  Value finished(Value value, LLVMValueRef channel) {
    if (shape_.bias) value = value + read(at(buffers_[2], channel));
    if (shape_.activation == "relu") value = choose(lt(value, 0.0), 0.0, value);
    return value;
  }

  // Products

  // Where an operand starts, and its strides between rows (of b: vectors) and steps of the depth.
  struct Operand {
    LLVMValueRef start;
    std::int64_t row, step;
  };

  template <typename Body>
  void each_product(Body body) {
    code_.loop(code_.number(0), code_.number(kProducts), 1, "product", [&](LLVMValueRef e) {
      code_.loop(code_.number(0), code_.number(made()), plan_.panel, "column",
                 [&](LLVMValueRef column) { body(e, column); });
    });
  }

  void products(LLVMValueRef count) {
    each_product([&](LLVMValueRef e, LLVMValueRef column) {
      LLVMValueRef kernels = at(buffers_[1], times(code_.add(times(e, out()), column), in()));
      code_.loop(code_.number(0), count, plan_.tile_rows, "row", [&](LLVMValueRef row) {
        LLVMValueRef from = code_.add(times(e, plan_.stride(in())), times(row, in()));
        LLVMValueRef to = code_.add(code_.add(times(e, plan_.stride(out())), times(row, out())), column);
        const auto part = [&](LLVMValueRef begin, LLVMValueRef end, bool adds) {
          tile({at(of_image_, code_.add(from, begin)), in(), 1},
               {at(kernels, times(begin, plan_.panel)), code_.width, plan_.panel}, at(of_result_, to),
               minus(end, begin), adds);
        };
        part(code_.number(0), code_.number(std::min(in(), kDepth)), false);
        if (in() <= kDepth) return;
        code_.loop(code_.number(kDepth), code_.number(in()), kDepth, "depth", [&](LLVMValueRef begin) {
          part(begin, code_.least(code_.add(begin, code_.number(kDepth)), code_.number(in())), true);
        });
      });
    });
  }

  // Adds the block to the sums of weights, [36][in][made]. The products of a block are summed first: long sums of
  // single products would lose two bits more.
  void weight_products(LLVMValueRef count) {
    each_product([&](LLVMValueRef e, LLVMValueRef column) {
      LLVMValueRef b = at(of_result_, code_.add(times(e, plan_.stride(made())), column));
      code_.loop(code_.number(0), code_.number(in()), plan_.tile_rows, "row", [&](LLVMValueRef row) {
        LLVMValueRef a = at(of_image_, code_.add(times(e, plan_.stride(in())), row));
        LLVMValueRef to = at(sums_, code_.add(times(code_.add(times(e, in()), row), made()), column));
        tile({a, 1, in()}, {b, code_.width, made()}, to, count, true);
      });
    });
  }

  void tile(const Operand& a, const Operand& b, LLVMValueRef to, LLVMValueRef depth, bool adds) {
    const auto all = std::size_t(plan_.tile_rows * plan_.tile_vectors), vectors = std::size_t(plan_.tile_vectors);
    std::vector<LLVMValueRef> sums;
    for (std::size_t i = 0; i < all; ++i) {
      sums.push_back(code_.local(code_.vector(Kind::f32)));
      write_local(0.0, sums[i]);
    }
    LLVMValueRef a_now = code_.local(code_.pointer, nullptr, 8), b_now = code_.local(code_.pointer, nullptr, 8);
    LLVMBuildStore(code_.builder, a.start, a_now);
    LLVMBuildStore(code_.builder, b.start, b_now);
    code_.loop(code_.number(0), depth, 1, "k", [&](LLVMValueRef) {
      LLVMValueRef a_place = LLVMBuildLoad2(code_.builder, code_.pointer, a_now, "");
      LLVMValueRef b_place = LLVMBuildLoad2(code_.builder, code_.pointer, b_now, "");
      std::vector<Value> row;
      for (std::size_t j = 0; j < vectors; ++j) row.push_back(read(after(b_place, std::int64_t(j) * b.row)));
      for (std::size_t i = 0; i < all; ++i) {
        const Value number = read(after(a_place, std::int64_t(i / vectors) * a.row), 0);
        write_local(fma(number, row[i % vectors], read_local(sums[i])), sums[i]);
      }
      LLVMBuildStore(code_.builder, after(a_place, a.step), a_now);
      LLVMBuildStore(code_.builder, after(b_place, b.step), b_now);
    });
    for (std::size_t i = 0; i < all; ++i) {
      LLVMValueRef place = after(to, std::int64_t(i / vectors) * made() + std::int64_t(i % vectors) * code_.width);
      write(adds ? read(place) + read_local(sums[i]) : read_local(sums[i]), place);
    }
  }
  Value read_local(LLVMValueRef place) {
    return {code_, LLVMBuildLoad2(code_.builder, code_.vector(Kind::f32), place, "")};
  }
  void write_local(const Value& value, LLVMValueRef place) {
    LLVMBuildStore(code_.builder, value.as(code_, Kind::f32), place);
  }

  // Kernels

  // [36][out / panel][in][panel]: as the products read them.
  void kernels(LLVMValueRef chunk) {
    LLVMValueRef begin = times(chunk, WinogradPlan::kOutputsPerChunk),
                 end = code_.add(begin, code_.number(WinogradPlan::kOutputsPerChunk));
    code_.loop(begin, end, code_.width, "output", [&](LLVMValueRef output) {
      LLVMValueRef into = LLVMBuildURem(code_.builder, output, code_.number(plan_.panel), "");
      LLVMValueRef panel = code_.add(times(minus(output, into), in()), into);
      code_.loop(code_.number(0), code_.number(in()), 1, "input", [&](LLVMValueRef input) {
        const std::int64_t outer = shape_.is_turned ? out() : in();
        LLVMValueRef first =
            shape_.is_turned ? code_.add(times(input, outer), output) : code_.add(times(output, outer), input);
        LLVMValueRef from = at(buffers_[0], times(first, 9));
        Square<3> taps;
        for (std::int64_t i = 0; i < 9; ++i)
          taps[std::size_t(i / 3)][std::size_t(i % 3)] =
              read(after(from, shape_.is_turned ? 8 - i : i), shape_.is_turned ? 9 : in() * 9);
        const auto lines = in_both(taps, winograd::of_kernel<Value>);
        write_products(lines, at(buffers_[1], code_.add(panel, times(input, plan_.panel))), in() * out());
      });
    });
  }

  // Adds the parts' sums of weights, in order, and transforms them.
  void finish() {
    function_ = begin_function(code_, shape_.name + "_finish", {code_.pointer, code_.pointer});
    LLVMValueRef weights = buffer(2), first = after(LLVMGetParam(function_, 1), plan_.before_sums());
    code_.loop(code_.number(0), code_.number(plan_.column_parts), 1, "part", [&](LLVMValueRef part) {
      LLVMValueRef sums = at(first, times(part, plan_.slot));
      code_.loop(code_.number(0), code_.number(in()), 1, "input", [&](LLVMValueRef input) {
        each_vector(made(), [&](LLVMValueRef channel) {
          const Square<3> taps = finished_weights(at(sums, code_.add(times(input, made()), channel)));
          LLVMValueRef output = code_.add(times(part, made()), channel);
          LLVMValueRef to = at(weights, times(code_.add(times(output, in()), input), 9));
          for (std::int64_t i = 0; i < 9; ++i)
            write(taps[std::size_t(i / 3)][std::size_t(i % 3)], after(to, i), in() * 9);
        });
      });
    });
    LLVMBuildRetVoid(code_.builder);
  }

  Square<3> finished_weights(LLVMValueRef place) {
    Square<6> square;
    for (std::int64_t e = 0; e < kProducts; ++e) {
      Value total = read(after(place, e * in() * made()));
      for (std::int64_t part = 1; part < plan_.block_parts; ++part)
        total = total + read(after(place, part * plan_.column_parts * plan_.slot + e * in() * made()));
      square[std::size_t(e / 6)][std::size_t(e % 6)] = total;
    }
    return in_both(square, winograd::of_weights<Value>);
  }

  Code& code_;
  const WinogradPlan& plan_;
  const Winograd& shape_;
  LLVMValueRef function_ = nullptr;
  std::vector<LLVMValueRef> buffers_;
  LLVMValueRef zeros_ = nullptr, outside_ = nullptr, of_image_ = nullptr, of_result_ = nullptr, sums_ = nullptr;
  LLVMValueRef image_ = nullptr, row_ = nullptr, column_ = nullptr, pixel_index_ = nullptr;  // of the current tile
  LLVMValueRef first_column_ = nullptr;  // of a chunk that makes some of the columns
};

}  // namespace

void emit_winograd(Code& code, const WinogradPlan& plan) { WinogradEmitter(code, plan).run(); }

}  // namespace weft::cpu
