package dev.penstock.cassandra.sink.write;

/** Is told what a writer does, by any thread. */
public interface Meter {

    /**
     * A request was answered, well or badly.
     *
     * @param rows rows in it
     * @param nanos from sending to the answer
     */
    void answered(int rows, long nanos);

    /**
     * Rows are acknowledged.
     *
     * @param upserts rows written
     * @param deletes rows deleted
     */
    void acknowledged(int upserts, int deletes);

    /** A request is put aside to be sent again. */
    void retried();

    /** A batch was refused as a whole: each of its rows is sent by itself. */
    void takenApart();
}
