// Python pickles, as far as PyTorch's state dicts need them: data are read, nothing is ever called.
#pragma once

#include <bit>
#include <vector>

#include "shunt/core/file.hpp"
#include "shunt/io/text.hpp"

namespace shunt::io::detail {

/// A value in a pickle. Others are named by their position in the list of all of them.
struct PickleValue {
  enum class Kind : std::uint8_t { none, boolean, integer, number, text, tuple, list, dict, global, call, reference };
  Kind kind = Kind::none;
  std::uint32_t at = 0;                   ///< The byte where it stands, for errors.
  std::int64_t integer = 0;               ///< Also of a boolean.
  std::string_view text = {};             ///< Of a text; a global's module and name, a line each.
  std::vector<std::uint32_t> items = {};  ///< A dict's keys and values in turn; a call's global and arguments.
};

/// Reads protocol 2 with the opcodes that torch.save writes for dicts, lists and tuples of tensors, numbers and text.
/// Of globals it takes collections.OrderedDict (a dict), torch.*Storage, and the two functions that rebuild tensors,
/// whose calls are kept as they stand. Every other opcode or global is an IoError that names it and its place.
class Pickle {
 public:
  using Kind = PickleValue::Kind;
  static constexpr std::size_t max_bytes = std::size_t{1} << 25;

  /// `bytes` must outlive it; `path` is what errors name.
  Pickle(const std::string& path, std::string_view bytes) : path_(path), bytes_(bytes) {
    if (bytes.size() > max_bytes) bad("is a pickle of more than ", max_bytes, " bytes");
    for (const auto kind : {Kind::none, Kind::boolean, Kind::boolean, Kind::tuple}) values_.push_back({.kind = kind});
    values_[yes].integer = 1;
    run();
  }

  const PickleValue& root() const { return values_[stack_[0]]; }
  const PickleValue& operator[](std::uint32_t index) const { return values_[index]; }
  /// IoError with the place of a value.
  template <class... Parts>
  [[noreturn]] void refuse(const PickleValue& value, const Parts&... parts) const {
    bad("at byte ", value.at, ": ", parts...);
  }

 private:
  static constexpr std::uint32_t none = 0, no = 1, yes = 2, empty_tuple = 3, unset = ~std::uint32_t{0};

  template <class... Parts>
  [[noreturn]] void bad(const Parts&... parts) const {
    shunt::detail::raise_io(path_, parts...);
  }
  template <class... Parts>
  [[noreturn]] void bad_here(const Parts&... parts) const {
    bad("at byte ", opcode_, ": ", parts...);
  }

  std::string_view take(std::uint64_t n) {
    if (n > bytes_.size() - at_) bad_here("the pickle ends early");
    const auto piece = bytes_.substr(at_, n);
    at_ += n;
    return piece;
  }
  std::uint64_t number(int bytes) {
    const auto piece = take(static_cast<std::uint64_t>(bytes));
    std::uint64_t v = 0;
    for (auto i = piece.size(); i-- > 0;) v = v << 8 | static_cast<unsigned char>(piece[i]);
    return v;
  }
  std::string_view line() {
    const auto end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) bad_here("the pickle ends early");
    const auto text = take(end - at_);
    ++at_;
    return text;
  }

  void push(std::uint32_t index) { stack_.push_back(index); }
  PickleValue& push(Kind kind) {
    push(static_cast<std::uint32_t>(values_.size()));
    values_.push_back({.kind = kind, .at = static_cast<std::uint32_t>(opcode_)});
    return values_.back();
  }
  void push_integer(std::int64_t v) { push(Kind::integer).integer = v; }
  /// The topmost values above the last mark.
  std::size_t room() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  std::uint32_t pop() {
    if (room() == 0) bad_here("the stack is empty");
    const auto top = stack_.back();
    stack_.pop_back();
    return top;
  }
  PickleValue& top(Kind kind, const char* what) {
    if (room() == 0 || values_[stack_.back()].kind != kind) bad_here("there is no ", what, " to add to");
    return values_[stack_.back()];
  }
  /// All above the last mark, which goes too.
  std::vector<std::uint32_t> pop_mark() {
    if (marks_.empty()) bad_here("there is no mark");
    std::vector<std::uint32_t> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::size_t n) {
    if (room() < n) bad_here("the stack is empty");
    std::vector<std::uint32_t> items(stack_.end() - static_cast<std::ptrdiff_t>(n), stack_.end());
    stack_.resize(stack_.size() - n);
    push(Kind::tuple).items = std::move(items);
  }
  void add(PickleValue& to, const std::vector<std::uint32_t>& items) {
    if (to.kind == Kind::dict && items.size() % 2 != 0) bad_here("a key without a value");
    to.items.insert(to.items.end(), items.begin(), items.end());
  }

  void push_global() {
    const auto begin = at_;
    const auto module = line(), name = line();
    const auto full = std::string(module) + "." + std::string(name);
    constexpr std::string_view storages[] = {"Float", "Double", "Half", "BFloat16", "Long",
                                             "Int",   "Short",  "Char", "Byte",     "Bool"};
    bool known = full == "collections.OrderedDict" || full == "torch._utils._rebuild_tensor_v2" ||
                 full == "torch._utils._rebuild_parameter";
    for (const auto storage : storages) known = known || full == "torch." + std::string(storage) + "Storage";
    if (!known)
      bad_here("the global ", full.size() < 200 && is_utf8(full) ? full : "with an unlikely name",
               " is not one that a state dict needs, and nothing else is loaded; save model.state_dict()");
    push(Kind::global).text = bytes_.substr(begin, at_ - begin - 1);
  }
  void call() {
    const auto arguments = pop(), function = pop();
    if (values_[function].kind != Kind::global || values_[arguments].kind != Kind::tuple)
      bad_here("REDUCE on something else than a function and its arguments");
    if (values_[function].text.starts_with("collections")) {
      if (!values_[arguments].items.empty()) bad_here("an OrderedDict with arguments");
      push(Kind::dict);
    } else {
      push(Kind::call).items = {function, arguments};
    }
  }
  void remember(std::uint64_t index) {
    if (room() == 0) bad_here("the stack is empty");
    if (index >= bytes_.size()) bad_here("a memo of ", index, " entries in a pickle of ", bytes_.size(), " bytes");
    if (index >= memo_.size()) memo_.resize(index + 1, unset);
    memo_[index] = stack_.back();
  }
  void recall(std::uint64_t index) {
    if (index >= memo_.size() || memo_[index] == unset) bad_here("memo ", index, " is empty");
    push(memo_[index]);
  }
  void push_long() {
    const auto bytes = take(number(1));
    if (bytes.size() > 8) {
      push(Kind::number);  // beyond int64: no size, no position
      return;
    }
    std::uint64_t v = 0;
    for (auto i = bytes.size(); i-- > 0;) v = v << 8 | static_cast<unsigned char>(bytes[i]);
    const auto unused = 64 - 8 * bytes.size();
    push_integer(unused == 64 ? 0 : static_cast<std::int64_t>(v << unused) >> unused);
  }

  /// One opcode; false at the end.
  bool step(unsigned char code) {
    switch (code) {
      case 0x80:  // PROTO
        if (const auto version = number(1); version != 2)
          bad_here("pickle protocol ", version, " is not read; torch.save writes 2 unless it is told otherwise");
        return true;
      case '.': return false;  // STOP
      case '(':                // MARK
        if (marks_.size() == 1000) bad_here("nested deeper than 1000");
        marks_.push_back(stack_.size());
        return true;
      case 'N': push(none); return true;
      case 0x88: push(yes); return true;
      case 0x89: push(no); return true;
      case 'K': push_integer(static_cast<std::int64_t>(number(1))); return true;  // BININT1
      case 'M': push_integer(static_cast<std::int64_t>(number(2))); return true;  // BININT2
      case 'J': push_integer(static_cast<std::int32_t>(number(4))); return true;  // BININT
      case 0x8a: push_long(); return true;                                        // LONG1
      case 'G': take(8), push(Kind::number); return true;                         // BINFLOAT
      case 'X': {                                                                 // BINUNICODE
        const auto text = take(number(4));
        if (!is_utf8(text)) bad_here("a text that is not UTF-8");
        push(Kind::text).text = text;
        return true;
      }
      case ')': push(empty_tuple); return true;
      case 0x85:
      case 0x86:
      case 0x87: push_tuple(code - 0x84u); return true;  // TUPLE1 to TUPLE3
      case 't': {
        auto items = pop_mark();
        push(Kind::tuple).items = std::move(items);
        return true;
      }
      case ']': push(Kind::list); return true;
      case '}': push(Kind::dict); return true;
      case 'a': {  // APPEND
        const auto item = pop();
        add(top(Kind::list, "list"), {item});
        return true;
      }
      case 'e': {  // APPENDS
        const auto items = pop_mark();
        add(top(Kind::list, "list"), items);
        return true;
      }
      case 's': {  // SETITEM
        const auto value = pop(), key = pop();
        add(top(Kind::dict, "dict"), {key, value});
        return true;
      }
      case 'u': {  // SETITEMS
        const auto items = pop_mark();
        add(top(Kind::dict, "dict"), items);
        return true;
      }
      case 'c': push_global(); return true;
      case 'R': call(); return true;
      case 'b':  // BUILD: attributes of a dict, such as _metadata, say nothing of its content
        if (values_[pop()].kind != Kind::dict) bad_here("BUILD with something else than a dict");
        top(Kind::dict, "dict");
        return true;
      case 'Q': {  // BINPERSID
        const auto id = pop();
        push(Kind::reference).items = {id};
        return true;
      }
      case 'q': remember(number(1)); return true;  // BINPUT
      case 'r': remember(number(4)); return true;
      case 'h': recall(number(1)); return true;  // BINGET
      case 'j': recall(number(4)); return true;
      default: bad_here("the opcode ", name_of(code), " is not one that a state dict needs");
    }
  }
  void run() {
    if (!bytes_.starts_with("\x80")) bad("does not begin as a pickle");
    do { opcode_ = at_; } while (step(static_cast<unsigned char>(take(1)[0])));
    if (stack_.size() != 1 || !marks_.empty()) bad_here("the pickle ends with ", stack_.size(), " values");
    if (at_ != bytes_.size()) bad("has bytes behind the end of the pickle");
  }

  [[gnu::cold]] static std::string name_of(unsigned char code) {
    constexpr struct {
      unsigned char code;
      const char* name;
    } names[] = {{'0', "POP"},
                 {'1', "POP_MARK"},
                 {'2', "DUP"},
                 {'F', "FLOAT"},
                 {'I', "INT"},
                 {'L', "LONG"},
                 {'P', "PERSID"},
                 {'S', "STRING"},
                 {'T', "BINSTRING"},
                 {'U', "SHORT_BINSTRING"},
                 {'V', "UNICODE"},
                 {'B', "BINBYTES"},
                 {'C', "SHORT_BINBYTES"},
                 {'d', "DICT"},
                 {'g', "GET"},
                 {'i', "INST"},
                 {'l', "LIST"},
                 {'o', "OBJ"},
                 {'p', "PUT"},
                 {0x81, "NEWOBJ"},
                 {0x82, "EXT1"},
                 {0x83, "EXT2"},
                 {0x84, "EXT4"},
                 {0x8b, "LONG4"},
                 {0x8c, "SHORT_BINUNICODE"},
                 {0x8d, "BINUNICODE8"},
                 {0x8e, "BINBYTES8"},
                 {0x8f, "EMPTY_SET"},
                 {0x90, "ADDITEMS"},
                 {0x91, "FROZENSET"},
                 {0x92, "NEWOBJ_EX"},
                 {0x93, "STACK_GLOBAL"},
                 {0x94, "MEMOIZE"},
                 {0x95, "FRAME"},
                 {0x96, "BYTEARRAY8"},
                 {0x97, "NEXT_BUFFER"},
                 {0x98, "READONLY_BUFFER"}};
    for (const auto& n : names)
      if (n.code == code) return n.name;
    return "with the number " + std::to_string(code);
  }

  const std::string& path_;
  std::string_view bytes_;
  std::uint64_t at_ = 0, opcode_ = 0;
  std::vector<PickleValue> values_;
  std::vector<std::uint32_t> stack_, memo_;
  std::vector<std::size_t> marks_;
};

}  // namespace shunt::io::detail
