// SPDX-License-Identifier: GPL-2.0
/** @file
 * What the tool prints: tables, and objects of names and values. One call
 * gives both forms, text and JSON; which of them appears is the user's choice.
 */
#pragma once

#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipvs_tun
{

/** In text control characters, of a name, would begin a line or move the terminal's cursor: "?"
 * instead. */
void printable(std::string &text);

/** The reader of standard output has gone; nothing is wrong with that. */
class ClosedPipe
{
};

/** Standard output behind a buffer. Writing errors are never lost. */
class Sink
{
public:
	explicit Sink(int fd) : fd_(fd) {}

	void write(std::string_view text)
	{
		buffer_.append(text);
		if (buffer_.size() >= limit)
			flush();
	}

	/** Throws ClosedPipe or Error. */
	void flush();

private:
	static constexpr std::size_t limit = 32768;

	int fd_;
	fmt::memory_buffer buffer_;
};

/** JSON written as it comes, so that a table of any length needs no memory. */
class JsonWriter
{
public:
	JsonWriter(Sink &sink, bool pretty) : sink_(sink), pretty_(pretty) {}

	void open(char bracket);
	void close(char bracket);
	void key(std::string_view name);
	void number(std::uint64_t value);
	void string(std::string_view value);
	void raw(std::string_view value);
	void value(const nlohmann::ordered_json &value);

private:
	void separate();
	void line();

	Sink &sink_;
	bool pretty_;
	bool first_ = true;
	bool after_key_ = false;
	unsigned depth_ = 0;
};

/** A value in both forms; in text, null is "-" and a list has commas. */
class Value
{
public:
	using Json = nlohmann::ordered_json;

	Value() = default;
	Value(Json json) : json_(std::move(json)) {}
	Value(std::string text) : json_(std::move(text)) {}
	Value(const char *text) : json_(text) {}
	Value(bool value) : json_(value) {}
	Value(std::uint8_t value) : json_(value) {}
	Value(std::uint16_t value) : json_(value) {}
	Value(std::uint32_t value) : json_(value) {}
	Value(std::uint64_t value) : json_(value) {}

	/** An empty optional is null. */
	template <class T>
	Value(const std::optional<T> &value)
	{
		if (value)
			*this = Value(*value);
	}

	/** A list; in text an empty one is "-". */
	template <class T>
	Value(const std::vector<T> &list) : json_(Json::array())
	{
		for (const T &entry : list)
			json_.push_back(entry);
	}

	const Json &json() const { return json_; }
	std::string text() const;

private:
	Json json_;
};

/** How to print. */
struct Output {
	Output(int fd, bool as_json, bool pretty) : sink(fd), writer(sink, pretty), json(as_json) {}

	Sink sink;
	JsonWriter writer;
	bool json;
};

/** A column: its name, and how wide it is at least. */
struct Column {
	std::string_view name;
	std::size_t width = 0;
};

/**
 * A list of objects. Columns take the width of their contents; with
 * Stream::yes that of the first rows and of what the columns ask for, and from
 * then on each row is printed at once.
 */
class Table
{
public:
	enum class Stream { no, yes };

	Table(Output &output, std::vector<Column> columns, Stream stream = Stream::no);

	/** The next field of the row, in both forms. */
	Table &put(std::string_view name, const Value &value);

	/** The same, with a text of its own. */
	Table &put(std::string_view name, const Value &value, std::string_view text);

	/** For long dumps: the same without a Value. */
	Table &put_number(std::string_view name, std::optional<std::uint64_t> value);
	Table &put_string(std::string_view name, std::string_view value);

	/** A field that only JSON has. */
	Table &put_json(std::string_view name, const Value &value);

	/** A field that only the text has. */
	Table &put_text(std::string_view text);

	void end_row();

	/** Prints what is still to be printed. */
	void finish();

private:
	void start_row();
	void print_held();
	void print_row(const std::vector<std::string> &cells, std::size_t count);
	void cell(std::string_view text);

	static constexpr std::size_t held_rows = 64; ///< of a stream, with the heading

	Output &output_;
	std::vector<Column> columns_;
	std::vector<std::size_t> widths_;
	std::vector<std::vector<std::string>> rows_; ///< held back until the widths are known
	std::vector<std::string> cells_;
	std::size_t used_ = 0; ///< of cells_, whose strings keep their memory
	bool stream_;
	bool streaming_ = false; ///< the widths are fixed
	bool in_row_ = false;
};

/** One object: lines of name and value, or a JSON object. */
class Object
{
public:
	explicit Object(Output &output) : output_(output)
	{
		if (output_.json)
			output_.writer.open('{');
	}

	Object &put(std::string_view name, const Value &value);
	Object &put_json(std::string_view name, const Value &value);

	/** A line that only the text has. */
	Object &put_text(std::string_view name, std::string_view text);
	void finish();

private:
	Output &output_;
	std::vector<std::pair<std::string, std::string>> lines_;
};

/** A result that is one number: "COUNT" or "COUNT WHAT" in text, {"NAME": COUNT} in JSON. */
void print_count(Output &output, std::string_view name, std::uint64_t count,
		 std::string_view what = "");

} // namespace ipvs_tun
