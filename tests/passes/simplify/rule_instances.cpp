// The instances, family by family.
#include "tests/passes/simplify/rule_instances.h"

#include <fmt/format.h>

#include "ir/op.h"

namespace weft::test {

using ir::OpCode;

namespace {

std::string constant(const char* name, const char* value, const char* type = "T[]") {
  return fmt::format("%{} = constant {{values={}}} : {}\n", name, value, type);
}

std::vector<Instance> arithmetic_instances() {
  const Promise rearranges = Promise::rearranges;
  const std::string all = "T[5,7]", truth = "bool[5,7]";
  std::vector<Instance> table = {
      {"x + 0 -> x", all, constant("c", "0") + "%r = add %x, %c"},
      {"x + 0 -> x", all, constant("c", "-0.0") + "%r = add %c, %x"},
      {"x - 0 -> x", all, constant("c", "0") + "%r = sub %x, %c"},
      {"x * 1 -> x", all, constant("c", "1") + "%r = mul %x, %c"},
      {"x / 1 -> x", all, constant("c", "1") + "%r = div %x, %c"},
      {"-(-x) -> x", all, "%p = neg %x\n%r = neg %p"},
      {"0 - x -> -x", all, constant("c", "0") + "%r = sub %c, %x"},
      {"x * -1 -> -x", all, constant("c", "-1") + "%r = mul %x, %c"},
      {"x / -1 -> -x", all, constant("c", "-1") + "%r = div %x, %c"},
      {"x + -y -> x - y", all, "%p = neg %y\n%r = add %x, %p"},
      {"x - -y -> x + y", all, "%p = neg %y\n%r = sub %x, %p"},
      {"x + x -> x * 2", all, "%r = add %x, %x"},
      {"-(x - y) -> y - x", all, "%p = sub %x, %y\n%r = neg %p"},
      {"-x * -y -> x * y", all, "%p = neg %x\n%o = neg %y\n%r = mul %p, %o"},
      {"-x / -y -> x / y", all, "%p = neg %x\n%o = neg %y\n%r = div %p, %o"},
      {"(x * y) * c -> (x * c) * y, x a single number", all, constant("c", "3") + "%p = mul %s, %y\n%r = mul %p, %c",
       rearranges},
      {"x ^ 1 -> x", all, constant("c", "1") + "%r = pow %x, %c"},
      {"x ^ 2 -> x * x", all, constant("c", "2") + "%r = pow %x, %c"},
      // A power promises nothing below 0: |x|.
      {"x ^ 0.5 -> sqrt(x)", all, constant("c", "0.5") + "%a = abs %x\n%r = pow %a, %c"},
      {"x ^ -0.5 -> rsqrt(x)", all, constant("c", "-0.5") + "%a = abs %x\n%r = pow %a, %c"},
      {"1 / sqrt(x) -> rsqrt(x)", all, constant("c", "1") + "%p = sqrt %x\n%r = div %c, %p"},
      {"max(x, x) -> x", all, "%r = max %x, %x"},
      {"min(x, x) -> x", all, "%r = min %x, %x"},
      {"max(x, 0) -> relu(x)", all, constant("c", "0") + "%r = max %x, %c"},
      {"max(x, 0) -> relu(x)", all, constant("c", "-0.0") + "%r = max %c, %x"},
      {"relu(relu(x)) -> relu(x)", all, "%p = relu %x\n%r = relu %p"},
      {"|-x| -> |x|", all, "%p = neg %x\n%r = abs %p"},
      {"||x|| -> |x|", all, "%p = abs %x\n%r = abs %p"},
      {"not not x -> x", truth, "%p = logical_not %b\n%r = logical_not %p"},
      {"not (x == y) -> x != y", truth, "%p = eq %x, %y\n%r = logical_not %p"},
      {"not (x != y) -> x == y", truth, "%p = ne %x, %y\n%r = logical_not %p"},
      {"x and true -> x", truth, constant("c", "1", "bool[]") + "%r = logical_and %b, %c"},
      {"x or false -> x", truth, constant("c", "0", "bool[]") + "%r = logical_or %b, %c"},
      {"select(true, x, y) -> x", all, constant("c", "1", "bool[]") + "%r = select %c, %x, %y"},
      {"select(false, y, x) -> x", all, constant("c", "0", "bool[]") + "%r = select %c, %y, %x"},
      {"select(y, x, x) -> x", all, "%r = select %b, %x, %x"},
      {"select(not z, x, y) -> select(z, y, x)", all, "%p = logical_not %b\n%r = select %p, %x, %y"},
      {"stop_gradient(x) -> x", all, "%r = stop_gradient %x"},
      {"cast(x) -> x, to its own dtype", all, "%r = cast %x : T[5,7]"},
  };
  for (const char* c : {"3", "-0.25", "1e30", "1e-30", "inf", "nan", "0", "2147483647"}) {
    const std::string number = constant("c", c);
    table.push_back({"-x * c -> x * -c", all, number + "%p = neg %x\n%r = mul %p, %c"});
    table.push_back({"-x / c -> x / -c", all, number + "%p = neg %x\n%r = div %p, %c"});
    table.push_back({"-(x * c) -> x * -c", all, number + "%p = mul %x, %c\n%r = neg %p"});
    table.push_back({"-(x / c) -> x / -c", all, number + "%p = div %x, %c\n%r = neg %p"});
    for (const char* d : {"3", "-0.25", "1e-20", "inf", "nan", "0"}) {
      const std::string both = number + constant("d", d);
      table.push_back({"(x * c) * d -> x * (c * d)", all, both + "%p = mul %x, %c\n%r = mul %p, %d", rearranges});
      table.push_back({"(x * c) / d -> x * (c / d)", all, both + "%p = mul %x, %c\n%r = div %p, %d", rearranges});
      table.push_back({"(x / c) * d -> x * (d / c)", all, both + "%p = div %x, %c\n%r = mul %p, %d", rearranges});
      table.push_back({"(x / c) / d -> x * (1 / (c * d))", all, both + "%p = div %x, %c\n%r = div %p, %d", rearranges});
    }
    const std::string minus = constant("d", c[0] == '-' ? c + 1 : (std::string("-") + c).c_str());
    const std::string products = "%p = mul %x, %c\n%o = mul %y, %c\n", opposite = "%p = mul %x, %c\n%o = mul %y, %d\n";
    table.push_back({"x * c + y * d -> (x + y) * c, d = c", all, number + products + "%r = add %p, %o", rearranges});
    table.push_back({"x * c - y * d -> (x - y) * c, d = c", all, number + products + "%r = sub %p, %o", rearranges});
    table.push_back(
        {"x * c + y * d -> (x - y) * c, d = -c", all, number + minus + opposite + "%r = add %p, %o", rearranges});
  }
  for (const char* c : {"2", "-0.25", "1048576", "1.5777218104420236e-30", "1.2676506002282294e30"})
    table.push_back({"x / c -> x * (1 / c), c a power of two", all, constant("c", c) + "%r = div %x, %c"});
  const std::pair<const char*, const char*> casts[] = {{"b", "u8"},   {"b", "i32"}, {"b", "f16"}, {"u", "i32"},
                                                       {"u", "bf16"}, {"u", "f16"}, {"u", "f32"}, {"x", "f32"}};
  for (const auto& [from, through] : casts)
    for (const char* to : {"f32", "bf16", "f16", "i32", "u8", "bool"})
      table.push_back({"cast(cast(x)) -> cast(x), where the inner one loses nothing", fmt::format("{}[5,7]", to),
                       fmt::format("%p = cast %{} : {}[5,7]\n%r = cast %p : {}[5,7]", from, through, to)});
  return table;
}

std::vector<Instance> movement_instances() {
  return {
      {"broadcast(broadcast(x)) -> broadcast(x)", "T[2,5,7]",
       "%p = broadcast %row : T[5,7]\n%r = broadcast %p : T[2,5,7]"},
      {"broadcast(reshape(x, [1, ..])) -> broadcast(x)", "T[5,7]",
       "%p = reshape %row : T[1,7]\n%r = broadcast %p : T[5,7]"},
      {"broadcast(c) -> c", "T[5,7]", constant("c", "3") + "%r = broadcast %c : T[5,7]"},
      {"broadcast(c) -> c", "T[5,7]", constant("c", "nan") + "%r = broadcast %c : T[5,7]"},
      {"reshape(c) -> c", "T[7,1]", constant("c", "-inf", "T[7]") + "%r = reshape %c : T[7,1]"},
      {"transpose(c) -> c", "T[7,5]", constant("c", "3", "T[5,7]") + "%r = transpose %c {perm=[1,0]}"},
      {"slice(c) -> c", "T[2,7]", constant("c", "3", "T[5,7]") + "%r = slice %c {start=[1,0]} : T[2,7]"},
      {"gather(c, x) -> c", "T[4,7]", constant("c", "nan", "T[5,7]") + "%r = gather %c, %i"},
      {"gather(broadcast(x), y) -> broadcast(x), x a single element", "T[4,7]",
       "%p = broadcast %s : T[5,7]\n%r = gather %p, %i"},
      {"pad(0) -> 0", "T[9,9]", constant("c", "-0.0", "T[5,7]") + "%r = pad %c {start=[1,2]} : T[9,9]"},
      {"pad(0) -> 0", "T[9,9]", constant("c", "0", "T[5,7]") + "%r = pad %c {start=[1,2]} : T[9,9]"},
      {"reshape(reshape(x)) -> reshape(x)", "T[35]", "%p = reshape %x : T[7,5]\n%r = reshape %p : T[35]"},
      {"transpose(transpose(x)) -> transpose(x)", "T[1,7,5]",
       "%h = reshape %x : T[5,1,7]\n%p = transpose %h {perm=[2,0,1]}\n%r = transpose %p {perm=[2,0,1]}"},
      {"transpose(x) of dims 1 -> reshape(x)", "T[7,1]", "%r = transpose %wide {perm=[1,0]}"},
      {"transpose(x) of dims 1 -> reshape(x)", "T[5,7]", "%r = transpose %x {perm=[0,1]}"},
      {"transpose(x) of dims 1 -> reshape(x)", "T[5,7,1]",
       "%h = reshape %x : T[5,1,7]\n%r = transpose %h {perm=[0,2,1]}"},
      {"slice(slice(x)) -> slice(x)", "T[2,3]",
       "%p = slice %x {start=[1,2]} : T[4,5]\n%r = slice %p {start=[2,1]} : T[2,3]"},
      {"slice(concat(x, ..)) -> slice(x)", "T[2,7]",
       "%p = concat %x, %y, %z {axis=0}\n%r = slice %p {start=[7,0]} : T[2,7]"},
      {"slice(concat(x, ..)) -> slice(x)", "T[5,1]",
       "%p = concat %col, %col, %x {axis=1}\n%r = slice %p {start=[0,1]} : T[5,1]"},
      {"slice(pad(x)) -> slice(x)", "T[2,3]",
       "%p = pad %x {start=[2,1]} : T[9,9]\n%r = slice %p {start=[3,1]} : T[2,3]"},
      {"pad(pad(x)) -> pad(x)", "T[9,12]", "%p = pad %x {start=[2,1]} : T[8,9]\n%r = pad %p {start=[1,2]} : T[9,12]"},
      {"concat(concat(x, y), z) -> concat(x, y, z)", "T[20,7]",
       "%p = concat %x, %y {axis=0}\n%r = concat %z, %p, %x {axis=0}"},
      {"concat(concat(x, y), z) -> concat(x, y, z)", "T[5,7]", "%r = concat %x {axis=0}"},
      {"concat(slice(x), slice(x)) -> slice(x)", "T[4,6]",
       "%p = slice %x {start=[1,1]} : T[2,6]\n%o = slice %x {start=[3,1]} : T[2,6]\n%r = concat %p, %o {axis=0}"},
      {"pad(x) + pad(y) -> pad(concat(x, y))", "T[12,7]",
       "%p = pad %x {start=[6,0]} : T[12,7]\n%o = pad %y {start=[1,0]} : T[12,7]\n%r = add %p, %o"},
      {"scatter_add(x, y) -> gather(y, x), x its own inverse", "T[5,7]",
       "%p = constant {values=[4,1,3,2,0]} : i32[5]\n%r = scatter_add %p, %x : T[5,7]"},
      {"matmul(transpose(x), y) -> matmul(x, y)", "T[7,7]", "%p = transpose %x {perm=[1,0]}\n%r = matmul %p, %y"},
      {"matmul(transpose(x), y) -> matmul(x, y)", "T[5,5]", "%p = transpose %x {perm=[1,0]}\n%r = matmul %y, %p"},
      {"matmul(transpose(x), y) -> matmul(x, y)", "T[7,5]",
       "%p = transpose %x {perm=[1,0]}\n%o = transpose %sq {perm=[1,0]}\n%r = matmul %p, %o {transpose_b=1, "
       "activation=relu}"},
      {"matmul(transpose(x), y) -> matmul(x, y)", "T[5,7]",
       "%p = transpose %sq {perm=[1,0]}\n%r = matmul %p, %x, %row {transpose_a=1}"},
      {"matmul(transpose(x), y) -> matmul(x, y)", "T[1,7,7]",
       "%o = reshape %x : T[1,5,7]\n%p = transpose %o {perm=[0,2,1]}\n%r = matmul %p, %o"},
      {"transpose(matmul(x, y)) -> matmul(y, x)", "T[3,5]", "%p = matmul %x, %m\n%r = transpose %p {perm=[1,0]}"},
      {"transpose(matmul(x, y)) -> matmul(y, x)", "T[5,7]",
       "%p = matmul %x, %sq {transpose_a=1}\n%r = transpose %p {perm=[1,0]}"},
      {"reshape(random(x)) -> random(x)", "f32[35]",
       "%p = random_uniform %seed {stream=1} : f32[5,7]\n%r = reshape %p : f32[35]"},
      {"reshape(random(x)) -> random(x)", "f32[35]",
       "%p = random_normal %seed {stream=1} : f32[5,7]\n%r = reshape %p : f32[35]"},
      {"f(x) -> x, of the same dims", "T[5,7]", "%r = broadcast %x : T[5,7]"},
      {"f(x) -> x, of the same dims", "T[5,7]", "%r = reshape %x : T[5,7]"},
      {"f(x) -> x, of the same dims", "T[5,7]", "%r = slice %x {start=[0,0]} : T[5,7]"},
      {"f(x) -> x, of the same dims", "T[5,7]", "%r = pad %x {start=[0,0]} : T[5,7]"},
      {"f(broadcast(x)) -> broadcast(x), x a single element", "T[35]",
       "%p = broadcast %s : T[5,7]\n%r = reshape %p : T[35]"},
      {"f(broadcast(x)) -> broadcast(x), x a single element", "T[7,5]",
       "%p = broadcast %one : T[5,7]\n%r = transpose %p {perm=[1,0]}"},
      {"f(broadcast(x)) -> broadcast(x), x a single element", "T[3,5]",
       "%p = broadcast %s : T[5,7]\n%r = slice %p {start=[2,1]} : T[3,5]"},
  };
}

std::vector<Instance> reduction_instances() {
  const Promise rearranges = Promise::rearranges;
  std::vector<Instance> table = {
      {"sum(-x) -> -sum(x)", "T[5,1]", "%p = neg %x\n%r = reduce_sum %p {axes=[1]}", rearranges},
      {"sum(x * y) -> sum(x) * y, y the same for all terms", "T[5,1]",
       "%p = mul %x, %col\n%r = reduce_sum %p {axes=[1]}", rearranges},
      {"sum(x * y) -> sum(x) * y, y the same for all terms", "T[1,7]",
       "%p = mul %row, %x\n%r = reduce_sum %p {axes=[0]}", rearranges},
      {"sum(x * y) -> sum(x) * y, where sum(x) is there", "T[5,1]",
       "%o = reduce_sum %x {axes=[1]}\n%p = mul %x, %s\n%q1 = add %p, %o\n%a = reduce_sum %p {axes=[1]}\n%h = "
       "reduce_max %q1 {axes=[1]}\n%r = reduce_sum %p {axes=[1]}",
       rearranges},
      {"sum(x / y) -> sum(x) / y, y the same for all terms", "T[5,1]",
       "%p = div %x, %col\n%r = reduce_sum %p {axes=[1]}", rearranges},
      {"sum(sum(..) + sum(..)) -> sum(..) + sum(..)", "T[1,1]",
       "%a = reduce_sum %x {axes=[1]}\n%h = reduce_sum %y {axes=[1]}\n%p = add %a, %h\n%r = reduce_sum %p {axes=[0]}",
       rearranges},
      {"sum(sum(..) - sum(..)) -> sum(..) - sum(..)", "T[1,1]",
       "%a = reduce_sum %x {axes=[1]}\n%h = reduce_sum %y {axes=[1]}\n%p = sub %a, %h\n%r = reduce_sum %p {axes=[0]}",
       rearranges},
  };
  for (const char* c : {"3", "0", "nan", "inf", "-1e38"})
    table.push_back({"sum(c) -> c * count", "T[5,1]", constant("c", c, "T[5,7]") + "%r = reduce_sum %c {axes=[1]}"});
  for (const char* c : {"3", "nan", "-inf"})
    table.push_back({"max(c) -> c", "T[5,1]", constant("c", c, "T[5,7]") + "%r = reduce_max %c {axes=[1]}"});
  for (const char* f : {"reduce_sum", "reduce_max"}) {
    const Promise promise = std::string(f) == "reduce_sum" ? rearranges : Promise::exact;
    const auto add = [&](const char* rule, const char* type, const std::string& body) {
      table.push_back({rule, type, body + fmt::format("%r = {} ", f) + "%p", promise});
    };
    add("f(x) -> f(x) without axes of size 1", "T[1,1]", "%p = abs %wide\n");
    table.back().body += " {axes=[0,1]}";
    add("f(x) -> f(x) without axes of size 1", "T[1,7]", "%p = abs %wide\n");
    table.back().body += " {axes=[0]}";
    add("f(f(x)) -> f(x)", "T[1,1]", fmt::format("%p = {} %x {{axes=[1]}}\n", f));
    table.back().body += " {axes=[0]}";
    add("f(reshape(x)) -> reshape(f(x)), to one number", "T[1]", "%p = reshape %x : T[35]\n");
    table.back().body += " {axes=[0]}";
    add("f(broadcast(x)) -> f(x) over fewer axes", "T[1,1]", "%p = broadcast %col : T[5,7]\n");
    table.back().body += " {axes=[0,1]}";
    add("f(broadcast(x)) -> f(x) over fewer axes", "T[1,7]", "%p = broadcast %row : T[5,7]\n");
    table.back().body += " {axes=[0]}";
    add("f(concat(x, y)) -> concat(f(x), f(y))", "T[10,1]", "%p = concat %x, %y {axis=0}\n");
    table.back().body += " {axes=[1]}";
  }
  return table;
}

// The rules that hold for every elementwise op.
std::vector<Instance> family_instances() {
  std::vector<Instance> table;
  for (std::size_t i = 0; i < ir::op_table().size(); ++i) {
    const OpCode f = OpCode(i);
    if (!ir::is_elementwise(f)) continue;
    const std::string name(ir::name(f));
    const bool of_bools = f == OpCode::logical_not || f == OpCode::logical_and || f == OpCode::logical_or;
    const bool compares =
        f == OpCode::eq || f == OpCode::ne || f == OpCode::lt || f == OpCode::le || f == OpCode::gt || f == OpCode::ge;
    const std::string type = of_bools || compares ? "bool[5,7]" : f == OpCode::cast ? "i32[5,7]" : "T[5,7]";
    const std::string written = f == OpCode::cast ? " : i32[5,7]" : "";
    const int arity = ir::info(f).min_arity;
    const std::string condition = arity == 3 ? "%b, " : "";
    const std::string many = of_bools ? "%b" : "%x";
    const std::string bools = of_bools ? "%k = slice %q {start=[0,0]} : bool[1,7]\n%l = reshape %k : bool[7]\n" : "";
    const std::string source = of_bools ? "%l" : "%row", dtype = of_bools ? "bool" : "T";
    const std::string second = arity == 1 ? "" : ", " + many;
    table.push_back({"f(broadcast(x), y) -> broadcast(f(x, y))", type,
                     bools + "%w = broadcast " + source + " : " + dtype + "[5,7]\n%r = " + name + " " + condition +
                         "%w" + second + written});
    if (arity > 1)
      table.push_back(
          {"f(reshape(x, [1, ..]), y) -> f(x, y)", type,
           bools + "%w = reshape " + source + " : " + dtype + "[1,7]\n%r = " + name + " " + condition + "%w" + second});
    // At special numbers in a test of its own.
    const std::string number = constant("c", "1", of_bools ? "bool[]" : "T[]");
    const std::string scalar = of_bools || compares ? "bool[]" : f == OpCode::cast ? "i32[]" : "T[]";
    table.push_back({"f(constants) -> constant", scalar,
                     number + (arity == 3 ? constant("o", "1", "bool[]") : "") + "%r = " + name +
                         (arity == 3 ? " %o," : "") + " %c" + (arity > 1 ? ", %c" : "") +
                         (f == OpCode::cast ? " : i32[]" : "")});
  }
  return table;
}

}  // namespace

std::vector<Instance> all_instances() {
  std::vector<Instance> all;
  for (const auto& table : {arithmetic_instances(), movement_instances(), reduction_instances(), family_instances()})
    all.insert(all.end(), table.begin(), table.end());
  return all;
}

}  // namespace weft::test
