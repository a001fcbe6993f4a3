package dev.penstock.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.Test;

class KeptReadersTest {

    private final KeptReaders<GenericRecord> readers = new KeptReaders<>();

    private static Schema schema() {
        return SchemaBuilder.record("Row").fields().requiredInt("id").endRecord();
    }

    @Test
    void aSchemaHasOneReaderAndAnEqualOneItsOwn() {
        Schema schema = schema();
        DatumReader<GenericRecord> reader = readers.createDatumReader(schema);
        assertSame(reader, readers.createDatumReader(schema));
        assertNotSame(reader, readers.createDatumReader(schema()));
    }

    @Test
    void eachRecordIsAnObjectOfItsOwn() throws IOException {
        Schema schema = schema();
        GenericRecord first = read(schema, 1);
        GenericRecord second = read(schema, 2);
        assertEquals(1, first.get("id"));
        assertEquals(2, second.get("id"));
        assertSame(schema, second.getSchema());
    }

    private GenericRecord read(Schema schema, int id) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        GenericRecord row = new GenericData.Record(schema);
        row.put("id", id);
        readers.createDatumWriter(row, schema).write(row, encoder);
        encoder.flush();
        return readers.createDatumReader(schema)
                .read(null, DecoderFactory.get().binaryDecoder(bytes.toByteArray(), null));
    }

    @Test
    void schemasWithoutNumberDoNotFillTheMemory() {
        Schema first = schema();
        DatumReader<GenericRecord> reader = readers.createDatumReader(first);
        for (int i = 0; i < 1_000; i++) {
            readers.createDatumReader(schema());
        }
        assertNotSame(reader, readers.createDatumReader(first));
    }
}
