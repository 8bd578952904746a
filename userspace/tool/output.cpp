// SPDX-License-Identifier: GPL-2.0
#include "tool/output.h"

#include "client/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace ipvs_tun
{

void printable(std::string &text)
{
	for (char &c : text)
		if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
			c = '?';
}

void Sink::flush()
{
	std::size_t done = 0;

	while (done < buffer_.size()) {
		ssize_t size = ::write(fd_, buffer_.data() + done, buffer_.size() - done);

		if (size >= 0) {
			done += static_cast<std::size_t>(size);
			continue;
		}
		if (errno == EINTR)
			continue;
		int code = errno;
		// Somebody made it non-blocking: who reads it may do so later.
		if (code == EAGAIN) {
			pollfd ready = {fd_, POLLOUT, 0};

			if (poll(&ready, 1, -1) >= 0 || errno == EINTR)
				continue;
		}
		buffer_.clear();
		if (code == EPIPE)
			throw ClosedPipe();
		throw Error(fmt::format("cannot write the output: {}", std::strerror(code)));
	}
	buffer_.clear();
}

void JsonWriter::line()
{
	if (!pretty_)
		return;
	sink_.write("\n");
	for (unsigned i = 0; i < depth_; i++)
		sink_.write("    ");
}

/* What stands between the last thing and the next one. */
void JsonWriter::separate()
{
	if (!after_key_ && depth_) {
		if (!first_)
			sink_.write(",");
		line();
	}
	after_key_ = false;
	first_ = false;
}

void JsonWriter::open(char bracket)
{
	separate();
	sink_.write({&bracket, 1});
	depth_++;
	first_ = true;
}

void JsonWriter::close(char bracket)
{
	depth_--;
	if (!first_)
		line();
	sink_.write({&bracket, 1});
	first_ = false;
	if (!depth_)
		sink_.write("\n");
}

void JsonWriter::key(std::string_view name)
{
	string(name);
	sink_.write(pretty_ ? ": " : ":");
	after_key_ = true;
}

void JsonWriter::number(std::uint64_t value)
{
	fmt::format_int text(value);

	raw({text.data(), text.size()});
}

void JsonWriter::string(std::string_view value)
{
	bool plain = std::all_of(value.begin(), value.end(), [](char c) {
		return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
	});

	separate();
	if (plain) {
		sink_.write("\"");
		sink_.write(value);
		sink_.write("\"");
		return;
	}
	// The kernel's strings need not be UTF-8.
	sink_.write(nlohmann::json(value).dump(-1, ' ', false,
					       nlohmann::json::error_handler_t::replace));
}

void JsonWriter::raw(std::string_view value)
{
	separate();
	sink_.write(value);
}

void JsonWriter::value(const nlohmann::ordered_json &value)
{
	if (value.is_object()) {
		open('{');
		for (const auto &[name, entry] : value.items()) {
			key(name);
			this->value(entry);
		}
		close('}');
	} else if (value.is_array()) {
		open('[');
		for (const auto &entry : value)
			this->value(entry);
		close(']');
	} else if (value.is_string()) {
		string(value.get_ref<const std::string &>());
	} else {
		raw(value.dump());
	}
}

std::string Value::text() const
{
	std::string out;

	if (json_.is_null())
		return "-";
	if (json_.is_boolean())
		return json_.get<bool>() ? "yes" : "no";
	if (json_.is_string())
		return json_.get<std::string>();
	if (!json_.is_array())
		return json_.dump();
	for (const Json &entry : json_) {
		if (!out.empty())
			out += ',';
		out += entry.is_string() ? entry.get<std::string>() : entry.dump();
	}
	return out.empty() ? "-" : out;
}

Table::Table(Output &output, std::vector<Column> columns, Stream stream)
	: output_(output), columns_(std::move(columns)), stream_(stream == Stream::yes)
{
	if (output_.json) {
		output_.writer.open('[');
		return;
	}
	widths_.resize(columns_.size());
	for (const Column &column : columns_)
		cell(column.name);
	end_row();
}

void Table::start_row()
{
	if (output_.json && !in_row_)
		output_.writer.open('{');
	in_row_ = true;
}

void Table::cell(std::string_view text)
{
	if (used_ == cells_.size())
		cells_.emplace_back();
	cells_[used_].assign(text);
	printable(cells_[used_]);
	used_++;
}

Table &Table::put(std::string_view name, const Value &value)
{
	return output_.json ? put_json(name, value) : put_text(value.text());
}

Table &Table::put(std::string_view name, const Value &value, std::string_view text)
{
	return output_.json ? put_json(name, value) : put_text(text);
}

Table &Table::put_number(std::string_view name, std::optional<std::uint64_t> value)
{
	start_row();
	if (output_.json) {
		output_.writer.key(name);
		if (value)
			output_.writer.number(*value);
		else
			output_.writer.raw("null");
	} else if (value) {
		fmt::format_int text(*value);

		cell({text.data(), text.size()});
	} else {
		cell("-");
	}
	return *this;
}

Table &Table::put_string(std::string_view name, std::string_view value)
{
	start_row();
	if (output_.json) {
		output_.writer.key(name);
		output_.writer.string(value);
	} else {
		cell(value);
	}
	return *this;
}

Table &Table::put_json(std::string_view name, const Value &value)
{
	if (!output_.json)
		return *this;
	start_row();
	output_.writer.key(name);
	output_.writer.value(value.json());
	return *this;
}

Table &Table::put_text(std::string_view text)
{
	if (output_.json)
		return *this;
	start_row();
	cell(text);
	return *this;
}

void Table::end_row()
{
	if (output_.json) {
		if (in_row_)
			output_.writer.close('}');
	} else {
		for (std::size_t i = 0; !streaming_ && i < used_ && i < widths_.size(); i++)
			widths_[i] = std::max(widths_[i], cells_[i].size());
		if (streaming_)
			print_row(cells_, used_);
		else
			rows_.emplace_back(cells_.begin(), cells_.begin() + used_);
		if (stream_ && !streaming_ && rows_.size() == held_rows) {
			for (std::size_t i = 0; i < widths_.size(); i++)
				widths_[i] = std::max(widths_[i], columns_[i].width);
			print_held();
			streaming_ = true;
		}
	}
	used_ = 0;
	in_row_ = false;
}

void Table::print_row(const std::vector<std::string> &cells, std::size_t count)
{
	std::size_t padding = 0;

	// Nothing stands behind the last cell that has something in it.
	while (count && cells[count - 1].empty())
		count--;
	for (std::size_t i = 0; i < count; i++) {
		for (; padding; padding--)
			output_.sink.write(" ");
		output_.sink.write(cells[i]);
		std::size_t width = i < widths_.size() ? widths_[i] : 0;
		padding = (width > cells[i].size() ? width - cells[i].size() : 0) + 2;
	}
	output_.sink.write("\n");
}

void Table::print_held()
{
	for (const auto &row : rows_)
		print_row(row, row.size());
	rows_.clear();
}

void Table::finish()
{
	if (output_.json)
		output_.writer.close(']');
	print_held();
	output_.sink.flush();
}

Object &Object::put_json(std::string_view name, const Value &value)
{
	if (output_.json) {
		output_.writer.key(name);
		output_.writer.value(value.json());
	}
	return *this;
}

Object &Object::put_text(std::string_view name, std::string_view text)
{
	lines_.emplace_back(name, text);
	printable(lines_.back().second);
	return *this;
}

Object &Object::put(std::string_view name, const Value &value)
{
	if (output_.json)
		return put_json(name, value);
	return put_text(name, value.text());
}

void Object::finish()
{
	std::size_t width = 0;

	if (output_.json) {
		output_.writer.close('}');
	} else {
		for (const auto &[name, text] : lines_)
			width = std::max(width, name.size());
		for (const auto &[name, text] : lines_)
			output_.sink.write(fmt::format("{:<{}}  {}\n", name, width, text));
	}
	output_.sink.flush();
}

void print_count(Output &output, std::string_view name, std::uint64_t count, std::string_view what)
{
	if (output.json) {
		output.writer.open('{');
		output.writer.key(name);
		output.writer.number(count);
		output.writer.close('}');
	} else {
		output.sink.write(fmt::format("{}{}{}\n", count, what.empty() ? "" : " ", what));
	}
	output.sink.flush();
}

} // namespace ipvs_tun
