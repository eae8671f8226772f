#include "support/reference.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "shunt/ops/creation.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace reference {
namespace {

using Json = nlohmann::json;

double number_of(const Json& j) {
  if (j.is_boolean()) return j.get<bool>() ? 1 : 0;
  if (j.is_string()) return std::stod(j.get<std::string>());  // nan, inf, -inf
  return j.get<double>();
}
std::vector<double> numbers_of(const Json& j) {
  std::vector<double> out;
  for (const auto& v : j) out.push_back(number_of(v));
  return out;
}
D tensor_of(const Json& j) {
  if (j.is_null()) return {};
  return from_vector(numbers_of(j.at("data")), Shape(j.at("shape").get<std::vector<std::int64_t>>()));
}
std::vector<D> tensors_of(const Json& j, const char* name) {
  std::vector<D> out;
  if (j.contains(name))
    for (const auto& t : j.at(name)) out.push_back(tensor_of(t));
  return out;
}

Case case_of(const Json& j) {
  Case c;
  c.op = j.at("op").get<std::string>();
  c.text = c.op + " " + j.at("options").dump();
  c.x = tensors_of(j, "x");
  for (const auto& x : c.x) c.text += " " + to_string(x.shape());
  for (const auto& t : tensors_of(j, "ids")) c.ids.push_back(t.to<std::int64_t>());
  for (const auto& t : tensors_of(j, "masks")) c.masks.push_back(t.to<bool>());
  c.outputs = tensors_of(j, "outputs");
  c.grads = tensors_of(j, "grads");
  if (j.contains("g")) c.g = tensor_of(j.at("g"));
  const std::set<std::string> infinite{"nan", "inf", "-inf"};
  for (const auto& [name, v] : j.at("options").items()) {
    if (v.is_string() && infinite.count(v.get<std::string>()) == 0)
      c.words[name] = v.get<std::string>();
    else if (v.is_array())
      c.numbers[name] = numbers_of(v);
    else
      c.numbers[name] = {number_of(v)};
  }
  return c;
}

}  // namespace

const std::vector<double>& Case::list(const std::string& name) const {
  INFO(text << " has no option " << name);
  REQUIRE(numbers.count(name) == 1);
  return numbers.at(name);
}
std::vector<std::int64_t> Case::ints(const std::string& name) const {
  std::vector<std::int64_t> out;
  for (double v : list(name)) out.push_back(static_cast<std::int64_t>(v));
  return out;
}
const std::string& Case::word(const std::string& name) const {
  INFO(text << " has no option " << name);
  REQUIRE(words.count(name) == 1);
  return words.at(name);
}
std::pair<std::int64_t, std::int64_t> Case::pair(const std::string& name, std::int64_t otherwise) const {
  if (!has(name)) return {otherwise, otherwise};
  const auto v = ints(name);
  return {v.front(), v.back()};
}

std::vector<Case> load(const std::string& family) {
  const std::string path = std::string(SHUNT_SOURCE_DIR) + "/tests/reference/" + family + ".json";
  std::ifstream in(path);
  INFO(path);
  REQUIRE(in.good());
  std::vector<Case> cases;
  for (const auto& j : Json::parse(in)) cases.push_back(case_of(j));
  return cases;
}

void compare(const D& got, const D& wanted, double tolerance) {
  REQUIRE(got.shape() == wanted.shape());
  const auto a = got.to_vector(), b = wanted.to_vector();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (a[i] == b[i]) continue;
    CAPTURE(i, a[i], b[i]);
    CHECK(std::abs(a[i] - b[i]) <= tolerance * (1 + std::abs(b[i])));
  }
}

void run(const std::string& family, const Calls& calls, double tolerance) {
  std::set<std::string> unused;
  for (const auto& [name, call] : calls) unused.insert(name);
  for (auto& c : load(family)) {
    CAPTURE(c.text);
    const auto call = calls.find(c.op);
    if (call == calls.end()) {
      FAIL_CHECK("no call for " << c.op);
      continue;
    }
    unused.erase(c.op);
    for (auto& x : c.x) x.requires_grad(c.g.defined());
    const auto got = call->second(c);
    REQUIRE(got.all.size() == c.outputs.size());
    for (std::size_t i = 0; i < got.all.size(); ++i) {
      INFO("output " << i);
      compare(got.all[i], c.outputs[i], tolerance);
    }
    if (!c.g.defined()) continue;
    got.all[0].backward(c.g);
    for (std::size_t i = 0; i < c.x.size(); ++i) {
      INFO("gradient of input " << i);
      const auto zero = zeros<double>(c.x[i].shape());
      compare(c.x[i].has_grad() ? c.x[i].grad() : zero, c.grads[i].defined() ? c.grads[i] : zero, tolerance);
    }
  }
  for (const auto& name : unused) FAIL_CHECK("no case for " << name);
}

}  // namespace reference
