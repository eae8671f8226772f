#include "support/parity.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "shunt/ops/creation.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace parity {
namespace {

using Json = nlohmann::json;

Sample sample_of(const Json& j) {
  return {j.value("name", ""), Shape(j.at("shape").get<std::vector<std::int64_t>>()), j.at("norm").get<double>(),
          j.at("sample").get<std::vector<double>>()};
}

}  // namespace

std::uint64_t fnv1a64(const std::string& text) {
  std::uint64_t h = 0xCBF29CE484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return h;
}

double uniform(std::uint64_t seed, std::int64_t i) {
  std::uint64_t z = seed + static_cast<std::uint64_t>(i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<double>((z ^ (z >> 31)) >> 40) / 8388608.0 - 1;
}

Tensor<std::int64_t> ids(const std::string& name, std::int64_t high, const Shape& shape) {
  auto t = Tensor<std::int64_t>::empty(shape);
  const auto seed = fnv1a64(name);
  for (std::int64_t i = 0; i < t.numel(); ++i)
    t.data()[i] = static_cast<std::int64_t>((uniform(seed, i) + 1) / 2 * static_cast<double>(high));
  return t;
}

Start start_of(const std::string& name, const Shape& shape, const StateDict& all, bool calm) {
  if (shape.rank() > 1) return {std::sqrt((calm ? 6.0 : 3.0) / static_cast<double>(shape.numel() / shape[0]))};
  const bool weight = name.ends_with("weight");
  if (calm && all.contains(name.substr(0, name.rfind('.') + 1) + "running_mean")) {
    if (weight) return {0.0625, 0.25};
    if (name.ends_with("bias")) return {0.25, 0.75, true};
  }
  if (name.ends_with("running_var")) return {0.5, 1};
  return weight ? Start{0.25, 1} : Start{0.125};
}

std::map<std::string, Record> load(const std::string& family) {
  const std::string path = SHUNT_SOURCE_DIR "/tests/reference/models/" + family + ".json";
  std::ifstream file(path);
  INFO(path);
  REQUIRE(file);
  const Json all = Json::parse(file);
  std::map<std::string, Record> records;
  for (const auto& [name, j] : all.items()) {
    Record r;
    r.entries = j.at("entries").get<std::size_t>();
    r.parameters = j.at("parameters").get<std::int64_t>();
    r.names = j.at("names").get<std::string>();
    r.calm = j.value("calm", false);
    if (!j.contains("eval")) {
      records[name] = r;
      continue;
    }
    r.eval = sample_of(j.at("eval"));
    r.train = sample_of(j.at("train"));
    r.first = sample_of(j.at("first"));
    r.last = sample_of(j.at("last"));
    r.lr = j.value("lr", 0.0);
    r.losses = j.value("losses", std::vector<double>());
    records[name] = r;
  }
  return records;
}

void compare(const Tensor<double>& got, const Sample& wanted, double tolerance) {
  INFO(wanted.name);
  REQUIRE(got.defined());
  REQUIRE(got.shape() == wanted.shape);
  const auto flat = got.contiguous();
  const auto n = static_cast<std::size_t>(flat.numel()), count = wanted.values.size();
  double all = 0, difference = 0, norm = 0;
  for (std::size_t i = 0; i < n; ++i) all += flat.data()[i] * flat.data()[i];
  for (std::size_t i = 0; i < count; ++i) {
    const double d = flat.data()[i * n / count] - wanted.values[i];
    difference += d * d;
    norm += wanted.values[i] * wanted.values[i];
  }
  CHECK(std::sqrt(difference) <= tolerance * std::sqrt(norm));
  CHECK(std::abs(std::sqrt(all) - wanted.norm) <= tolerance * wanted.norm);
}

std::string names_of(const StateDict& dict) {
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : dict) lines.push_back(name + " " + to_string(tensor.shape()));
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(fnv1a64(text)));
  return hex;
}

void check_names(const StateDict& dict, const Record& record) {
  std::string listed;
  for (const auto& [name, tensor] : dict) listed += name + " " + to_string(tensor.shape()) + "\n";
  INFO(listed);
  CHECK(dict.size() == record.entries);
  CHECK(names_of(dict) == record.names);
}

void compare_losses(const std::vector<double>& got, const Record& record) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("loss of step " << i << ": " << got[i] << ", wanted " << record.losses[i]);
    CHECK(std::abs(got[i] - record.losses[i]) <= 1e-4 * std::abs(record.losses[i]));
  }
}

}  // namespace parity
